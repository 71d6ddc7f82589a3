#include "store/pg/copy_rows.hpp"

#include <array>
#include <chrono>

namespace mtmsg::store::pg {
namespace {

using namespace std::string_view_literals;

// The signature, no flags, no header extension; and the end.
constexpr std::string_view kHeader = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"sv;
constexpr std::string_view kTrailer = "\377\377"sv;

constexpr std::int16_t kFields = 7;
constexpr char kJsonbVersion = 1;
constexpr std::int32_t kNull = -1;
constexpr std::size_t kKeptBytes = 16U << 20;

// From the start of a row: the count of fields, tenant_id's length and bytes, seq's length.
constexpr std::size_t kSeqOffset = 2 + 4 + 16 + 4;

constexpr Timestamp kPostgresEpoch = std::chrono::sys_days(std::chrono::year(2000) / 1 / 1);
constexpr Timestamp kEarliest = std::chrono::sys_days(std::chrono::year(1) / 1 / 1);
constexpr Timestamp kLatest = std::chrono::sys_days(std::chrono::year(10000) / 1 / 1);

template <class Integer>
auto big_endian(Integer value) {
  std::array<char, sizeof(Integer)> bytes;
  auto rest = static_cast<std::make_unsigned_t<Integer>>(value);
  for (std::size_t i = sizeof(Integer); i-- > 0;) {
    bytes[i] = static_cast<char>(rest & 0xFF);
    if constexpr (sizeof(Integer) > 1) rest = static_cast<std::make_unsigned_t<Integer>>(rest >> 8);
  }
  return bytes;
}

template <class Integer>
void put(std::string& out, Integer value) {
  const auto bytes = big_endian(value);
  out.append(bytes.data(), bytes.size());
}

void put_uuid(std::string& out, const Uuid& id) {
  put<std::int32_t>(out, 16);
  for (const auto byte : id.bytes) out += static_cast<char>(byte);
}

void put_int64(std::string& out, std::int64_t value) {
  put<std::int32_t>(out, 8);
  put<std::int64_t>(out, value);
}

void put_jsonb(std::string& out, std::string_view json) {
  put<std::int32_t>(out, static_cast<std::int32_t>(json.size() + 1));
  out += kJsonbVersion;
  out += json;
}

std::int64_t postgres_micros(Timestamp time) {
  return (time - kPostgresEpoch).count();
}

}  // namespace

std::optional<Timestamp> storable(std::optional<Timestamp> time) noexcept {
  return time && *time >= kEarliest && *time < kLatest ? time : std::nullopt;
}

void CopyRows::clear() {
  rows_.clear();
  parts_.clear();
  bytes_.clear();
  if (bytes_.capacity() > kKeptBytes) bytes_.shrink_to_fit();
}

std::size_t CopyRows::add(TenantId tenant, const IncomingMessage& message) {
  Row row;
  row.begin = bytes_.size();
  put<std::int16_t>(bytes_, kFields);
  put_uuid(bytes_, tenant.value);
  put_int64(bytes_, 0);
  put_uuid(bytes_, message.id.value);
  put_jsonb(bytes_, message.payload);
  if (message.headers.empty())
    put<std::int32_t>(bytes_, kNull);
  else
    put_jsonb(bytes_, message.headers);
  if (const auto published = storable(message.published_at))
    put_int64(bytes_, postgres_micros(*published));
  else
    put<std::int32_t>(bytes_, kNull);
  put<std::int32_t>(bytes_, 8);
  row.created_at = bytes_.size();
  put<std::int64_t>(bytes_, 0);
  row.end = bytes_.size();
  rows_.push_back(row);
  return rows_.size() - 1;
}

void CopyRows::place(std::size_t index, Sequence seq, Timestamp created_at) {
  auto& row = rows_[index];
  row.sent = true;
  const auto number = big_endian(seq.value);
  bytes_.replace(row.begin + kSeqOffset, number.size(), number.data(), number.size());
  const auto time = big_endian(postgres_micros(created_at));
  bytes_.replace(row.created_at, time.size(), time.data(), time.size());
}

const std::vector<std::string_view>& CopyRows::parts() {
  parts_.assign(1, kHeader);
  const std::string_view all = bytes_;
  for (std::size_t i = 0; i < rows_.size();) {
    if (!rows_[i].sent) {
      ++i;
      continue;
    }
    const auto begin = rows_[i].begin;
    while (i < rows_.size() && rows_[i].sent) ++i;
    parts_.push_back(all.substr(begin, rows_[i - 1].end - begin));
  }
  parts_.push_back(kTrailer);
  return parts_;
}

CopyBytes::CopyBytes(std::string_view bytes) : head_(kHeader) {
  put<std::int16_t>(head_, 1);
  put<std::int32_t>(head_, static_cast<std::int32_t>(bytes.size()));
  parts_ = {head_, bytes, kTrailer};
}

}  // namespace mtmsg::store::pg

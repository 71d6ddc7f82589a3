#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.hpp"
#include "domain/tenant.hpp"
#include "store/batch_store.hpp"

namespace mtmsg::store::pg {

/// The sender's time, or nothing when it lies outside the years 1 to 9999: it is a mere claim, RFC 3339 could not show
/// it, and it must not cost the message. Pure.
std::optional<Timestamp> storable(std::optional<Timestamp> time) noexcept;

/// Rows of `messages` as COPY … FROM STDIN (FORMAT binary) takes them (PostgreSQL manual, COPY, "Binary Format").
/// Written once, before the transaction: what only the lock decides, number and time, has its place by then and is
/// filled in, and rows that turn out to be duplicates or refused are left out of what is sent. Pure; one thread.
class CopyRows {
 public:
  /// The columns, in the order of their fields.
  static constexpr std::string_view kColumns = "tenant_id, seq, id, payload, headers, published_at, created_at";

  /// Forgets all rows; keeps the memory, up to a bound.
  void clear();
  /// The new row's index: 0, 1, 2 …  published_at is written if storable(), else NULL.
  std::size_t add(TenantId tenant, const IncomingMessage& message);
  /// Gives the row its number and time, and marks it to be sent (again, if the row was placed before).
  void place(std::size_t row, Sequence seq, Timestamp created_at);
  void leave_out(std::size_t row) { rows_[row].sent = false; }

  /// Header, placed rows in order of index, trailer: views into this object, valid until the next add() or clear().
  const std::vector<std::string_view>& parts();
  std::size_t size() const { return rows_.size(); }

 private:
  struct Row {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t created_at = 0;
    bool sent = false;
  };

  std::string bytes_;
  std::vector<Row> rows_;
  std::vector<std::string_view> parts_;
};

/// One row of one bytea in the same format. The bytes are not copied: they outlive this.
class CopyBytes {
 public:
  explicit CopyBytes(std::string_view bytes);
  CopyBytes(const CopyBytes&) = delete;
  CopyBytes& operator=(const CopyBytes&) = delete;
  std::span<const std::string_view> parts() const { return parts_; }

 private:
  std::string head_;
  std::array<std::string_view, 3> parts_;
};

}  // namespace mtmsg::store::pg

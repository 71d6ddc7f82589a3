// The parts of an export that decide nothing: formats, names, checksums, walks.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cmd/export/output.hpp"
#include "cmd/export/output_name.hpp"
#include "cmd/export/summary.hpp"
#include "cmd/export/walk.hpp"
#include "fake_store.hpp"

namespace mtmsg::ctl {
namespace {

const std::string kErased =
    R"({"seq":2,"id":"0190d3c4-5a6b-7c8d-9e0f-112233445566","tenant_id":"0190d3c4-5a6b-7c8d-9e0f-112233445577",)"
    R"("payload":null,"headers":null,"published_at":null,"created_at":"2026-01-31T12:00:00.000001Z",)"
    R"("erased_at":"2026-02-01T00:00:00.000000Z"})";
const std::string kQuoted =
    R"({"seq":1,"id":"0190d3c4-5a6b-7c8d-9e0f-112233445566","tenant_id":"0190d3c4-5a6b-7c8d-9e0f-112233445577",)"
    R"("payload":{"a":"x, y"},"headers":{"h":1},"published_at":"2026-01-31T11:00:00.000000Z",)"
    R"("created_at":"2026-01-31T12:00:00.000001Z"})";

std::string written(Format format, const std::vector<std::string>& rows) {
  StringSink sink;
  Output output({format, Compression::none}, sink);
  for (const auto& row : rows) output.add(row).value();
  output.finish();
  return sink.text;
}

TEST(Export, NdjsonIsTheRowsAsTheDaemonSentThem) {
  EXPECT_EQ(written(Format::ndjson, {kQuoted, kErased}), kQuoted + "\n" + kErased + "\n");
  EXPECT_EQ(written(Format::ndjson, {}), "");
}

TEST(Export, JsonIsOneArrayAlsoOfNothing) {
  EXPECT_EQ(written(Format::json, {kQuoted, kErased}), "[\n" + kQuoted + ",\n" + kErased + "\n]\n");
  EXPECT_EQ(written(Format::json, {}), "[\n]\n");
}

TEST(Export, CsvHasTheSameHeaderAlwaysAndQuotesWhatNeedsIt) {
  const std::string header = "seq,id,created_at,payload,headers,published_at,tenant_id,erased_at\n";
  EXPECT_EQ(written(Format::csv, {}), header);
  EXPECT_EQ(written(Format::csv, {kQuoted, kErased}),
            header +
                "1,0190d3c4-5a6b-7c8d-9e0f-112233445566,2026-01-31T12:00:00.000001Z,\"{\"\"a\"\":\"\"x, y\"\"}\"," +
                "\"{\"\"h\"\":1}\",2026-01-31T11:00:00.000000Z,0190d3c4-5a6b-7c8d-9e0f-112233445577,\n" +
                "2,0190d3c4-5a6b-7c8d-9e0f-112233445566,2026-01-31T12:00:00.000001Z,,,,"
                "0190d3c4-5a6b-7c8d-9e0f-112233445577,2026-02-01T00:00:00.000000Z\n");
}

TEST(Export, TheChecksumIsThatOfTheBytesWritten) {
  StringSink sink;
  Output output({}, sink);
  const auto total = output.finish();
  EXPECT_EQ(total.sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(total.bytes, 0U);
}

TEST(Export, CompressedOutputIsSmallerAndCountedAsItIs) {
  for (const auto compression : {Compression::zstd, Compression::gzip}) {
    StringSink sink;
    Output output({Format::ndjson, compression}, sink);
    for (int i = 0; i < 10'000; ++i) output.add(kQuoted).value();
    const auto total = output.finish();
    EXPECT_EQ(total.bytes, sink.text.size());
    EXPECT_LT(total.bytes, kQuoted.size() * 100);
    EXPECT_EQ(total.messages, 10'000U);
  }
}

TEST(OutputName, HasWordsForWhatDiffersFromRunToRun) {
  const auto name = OutputName::parse("/out/{tenant}-{first}-{last}-{time}.csv");
  EXPECT_EQ(name->with({"acme", 7, 1234567890123, *parse_timestamp("2026-01-31T12:00:00.5Z")}),
            "/out/acme-000000000007-1234567890123-20260131T120000Z.csv");
  EXPECT_FALSE(name->is_fixed());
  EXPECT_TRUE(OutputName::parse("/out/{tenant}.csv")->is_fixed());
  EXPECT_TRUE(OutputName::parse("out.csv")->with({}).starts_with('/'));
}

TEST(OutputName, RefusesOtherWordsAndFolders) {
  for (const char* wrong : {"/out/{day}.csv", "/{time}/x.csv", "/out/", "", "/out/{first"})
    EXPECT_FALSE(OutputName::parse(wrong).has_value()) << wrong;
}

TEST(RowHead, IsReadFromAnyOrderOfMembers) {
  const RowHead expected{1, *TenantId::parse("0190d3c4-5a6b-7c8d-9e0f-112233445577")};
  EXPECT_EQ(read_row_head(kQuoted), expected);
  EXPECT_EQ(read_row_head(
                R"({"created_at":"2026-01-31T12:00:00Z","tenant_id":"0190d3c4-5a6b-7c8d-9e0f-112233445577","seq":1,)"
                R"("id":"0190d3c4-5a6b-7c8d-9e0f-112233445566","payload":1,"headers":null,"published_at":null})"),
            expected);
  EXPECT_EQ(read_row_head("{\"seq\":1,"), std::nullopt);
}

/// Lines that a test says, one stream after the other.
class Scripted final : public Source {
 public:
  explicit Scripted(std::vector<std::vector<std::string>> streams) : streams_(std::move(streams)) {}
  std::vector<std::string> cursors;

  client::Call<Who> tenant(std::string_view) override { return Who{}; }
  client::Call<std::vector<Who>> tenants() override { return std::vector<Who>(); }
  client::Call<std::int64_t> epoch(TenantId) override { return 1; }
  client::Call<client::StreamEnd> stream(std::optional<std::string_view>, const client::MessageQuery& query,
                                         const TakeRow& take) override {
    cursors.push_back(query.cursor);
    for (const auto& line : streams_.at(cursors.size() - 1)) {
      if (wire::is_page_tail(line)) return client::StreamEnd{*wire::read_page_tail(line)};
      if (!take(line)) break;
    }
    return client::StreamEnd{};
  }

 private:
  std::vector<std::vector<std::string>> streams_;
};

const std::string kTail = R"({"next_cursor":"X","has_more":false,"epoch":1})";

TEST(Walk, OverAllTenantsGoesOnWithTheTenantAndTheNumber) {
  Scripted source({{row_text(tenant_number(1), 8), row_text(tenant_number(2), 5)},
                   {row_text(tenant_number(2), 6), row_text(tenant_number(3), 1), kTail}});
  std::vector<Gap> gaps;
  Walk walk(source, {},
            {[](std::string_view, const RowHead&) { return true; }, [&](const Gap& gap) { gaps.push_back(gap); }});
  ASSERT_TRUE(walk.run().has_value());
  EXPECT_THAT(source.cursors, testing::ElementsAre("", tenant_number(2).to_string() + ":5"));
  EXPECT_TRUE(gaps.empty());
  EXPECT_EQ(walk.rows(), 4U);
  EXPECT_EQ(walk.cursor(), "X");
}

TEST(Walk, ThatSeesANumberAgainDoesNotTakeIt) {
  Scripted source({{row_text(tenant_number(1), 8), row_text(tenant_number(1), 8)}});
  Walk walk(source, {"acme", {}, false}, {[](std::string_view, const RowHead&) { return true; }, [](const Gap&) {}});
  const auto end = walk.run();
  ASSERT_TRUE(end.has_error());
  EXPECT_THAT(end.error().error.message, testing::HasSubstr("out of order"));
  EXPECT_EQ(walk.rows(), 1U);
}

TEST(Summary, IsOneObjectWithEveryMemberAlways) {
  EXPECT_EQ(summary_text({}),
            "{\"messages\":0,\"bytes\":0,\"sha256\":null,\"output\":null,\"next_cursor\":null,\"epoch\":null,"
            "\"missing\":[],\"completed\":[]}\n");
  Summary summary{3, 400, "ab", "/out/x", "7", 2, {{tenant_number(1), 4, 6}}, {{}}};
  summary.completed[0].final_name = "/out/w";
  EXPECT_THAT(summary_text(summary),
              testing::AllOf(testing::HasSubstr(R"("output":"/out/x","next_cursor":"7","epoch":2,"missing":[{)"),
                             testing::HasSubstr(R"("completed":[{"output":"/out/w","messages":0,)")));
}

}  // namespace
}  // namespace mtmsg::ctl

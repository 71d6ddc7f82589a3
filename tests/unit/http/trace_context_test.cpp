#include "http/trace_context.hpp"

#include <gmock/gmock.h>

namespace mtmsg::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceContext, IsPassedOnAsItCame) {
  EXPECT_THAT(trace_context_of({{"Traceparent", kParent}, {"tracestate", "a=1"}, {"TraceState", "b=2"}}).headers(),
              ElementsAre(Pair("traceparent", kParent), Pair("tracestate", "a=1,b=2")));
  EXPECT_THAT(trace_context_of({{"traceparent", kParent}}).headers(), ElementsAre(Pair("traceparent", kParent)));
}

TEST(TraceContext, IsNotInvented) {
  EXPECT_THAT(trace_context_of({{"Host", "h"}}).headers(), IsEmpty());
  EXPECT_THAT(trace_context_of({{"tracestate", "a=1"}}).headers(), IsEmpty());
}

TEST(TraceContext, IsIgnoredWhenItIsNotValid) {
  for (const std::string_view text : {
           "",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
           "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
           "00-00000000000000000000000000000000-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
           "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
           "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.more",
       }) {
    EXPECT_FALSE(is_traceparent(text)) << text;
    EXPECT_THAT(trace_context_of({{"traceparent", text}, {"tracestate", "a=1"}}).headers(), IsEmpty());
  }
  EXPECT_THAT(trace_context_of({{"traceparent", kParent}, {"traceparent", kParent}}).headers(), IsEmpty());
}

TEST(TraceContext, OfAVersionToComeIsTaken) {
  EXPECT_TRUE(is_traceparent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes"));
}

TEST(TraceContext, LeavesOutAStateThatIsTooLong) {
  const std::string state(513, 'a');
  EXPECT_THAT(trace_context_of({{"traceparent", kParent}, {"tracestate", state}}).headers(),
              ElementsAre(Pair("traceparent", kParent)));
}

}  // namespace
}  // namespace mtmsg::http

#include "base/strings.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace caisson {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Split, KeepsEmptyParts) {
  EXPECT_THAT(Split("a,,b,", ','), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(Split("", ','), ElementsAre(""));
}

TEST(Join, IsTheInverseOfSplit) {
  EXPECT_EQ(Join(Split("a,,b,", ','), ","), "a,,b,");
  EXPECT_EQ(Join({}, ","), "");
}

TEST(Trim, TakesSpacesFromBothEnds) {
  EXPECT_EQ(Trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(Trim(" \n "), "");
}

TEST(ToLower, TouchesAsciiOnly) { EXPECT_EQ(ToLower("ABC-É"), "abc-É"); }

TEST(ReplaceAll, DoesNotReplaceInItsOwnOutput) {
  EXPECT_EQ(ReplaceAll("aaa", "a", "aa"), "aaaaaa");
  EXPECT_EQ(ReplaceAll("abc", "", "x"), "abc");
}

TEST(ParseInt, TakesTheWholeTextOrNothing) {
  EXPECT_EQ(ParseInt("-42"), -42);
  EXPECT_EQ(ParseInt("9223372036854775807"), INT64_MAX);
  for (const char* text : {"", " 1", "1 ", "+1", "1.0", "0x10", "9223372036854775808", "1e3"}) {
    EXPECT_EQ(ParseInt(text), std::nullopt) << text;
  }
}

TEST(ParseDouble, TakesTheWholeTextOrNothing) {
  EXPECT_EQ(ParseDouble("1e-3"), 0.001);
  EXPECT_EQ(ParseDouble("-.5"), -0.5);
  EXPECT_EQ(ParseDouble("inf"), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(ParseDouble("nan").value()));
  for (const char* text : {"", " 1", "1 ", "+1", "1.0.0", "1e", "one", "0x10"}) {
    EXPECT_EQ(ParseDouble(text), std::nullopt) << text;
  }
}

TEST(ParseDouble, RefusesOverflowAndRoundsUnderflow) {
  EXPECT_EQ(ParseDouble("1e400"), std::nullopt);
  EXPECT_EQ(ParseDouble("-1e400"), std::nullopt);
  EXPECT_EQ(ParseDouble("1e-400"), 0.0);
  EXPECT_EQ(ParseDouble("5e-324"), std::numeric_limits<double>::denorm_min());
}

TEST(FormatDouble, IsPythonsRepr) {
  const std::pair<double, const char*> cases[] = {
      {0, "0.0"},
      {-0.0, "-0.0"},
      {1, "1.0"},
      {0.1, "0.1"},
      {1e-4, "0.0001"},
      {1e-5, "1e-05"},
      {1.5e-7, "1.5e-07"},
      {123456789012345.6, "123456789012345.6"},
      {1e15, "1000000000000000.0"},
      {1e16, "1e+16"},
      {1.2345678901234567e+16, "1.2345678901234568e+16"},
      {9007199254740993.0, "9007199254740992.0"},
      {1e22, "1e+22"},
      {1e23, "1e+23"},
      {-1e100, "-1e+100"},
      {5e-324, "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {2.0 / 3, "0.6666666666666666"},
      {std::numeric_limits<double>::infinity(), "inf"},
      {-std::numeric_limits<double>::infinity(), "-inf"},
      {std::numeric_limits<double>::quiet_NaN(), "nan"},
  };
  for (const auto& [value, text] : cases) EXPECT_EQ(FormatDouble(value), text);
}

TEST(HumanForms, AreShort) {
  EXPECT_EQ(HumanBytes(999), "999 B");
  EXPECT_EQ(HumanBytes(13'500'000), "13.5 MB");
  EXPECT_EQ(HumanBytes(999'999), "1.0 MB");
  EXPECT_EQ(HumanBytes(UINT64_MAX), "18.4 EB");
  EXPECT_EQ(HumanCount(3'000'000), "3,000,000");
  EXPECT_EQ(HumanCount(-1234), "-1,234");
  EXPECT_EQ(HumanCount(999), "999");
  EXPECT_EQ(HumanCount(INT64_MIN), "-9,223,372,036,854,775,808");
  EXPECT_EQ(HumanShare(0.123), "12.3 %");
}

TEST(Hex, RoundTrips) {
  const std::string bytes("\x00\x7f\xff", 3);
  EXPECT_EQ(HexEncode(bytes), "007fff");
  EXPECT_EQ(HexDecode("007fFF").value(), bytes);
  EXPECT_EQ(HexDecode("007").status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(HexDecode("00g0").status().message(), HasSubstr("offset 2"));
}

// The vectors of RFC 4648, section 10.
TEST(Base64, HasTheVectorsOfTheStandard) {
  const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(Base64Encode(bytes), text);
    EXPECT_EQ(Base64Decode(text).value(), bytes);
  }
  EXPECT_EQ(Base64Encode("\xff\xfe\xfd"), "//79");
}

TEST(Base64, TakesTextWithoutPaddingAndRefusesTheRest) {
  EXPECT_EQ(Base64Decode("Zg").value(), "f");
  EXPECT_EQ(Base64Decode("Zm8").value(), "fo");
  for (const char* text : {"Z", "Zg=", "Zm9v=", "Zg===", "Z\n", "Zm9-", "===="}) {
    EXPECT_EQ(Base64Decode(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST(Utf8, RefusesWhatTheStandardRefuses) {
  EXPECT_TRUE(IsValidUtf8("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"));
  EXPECT_TRUE(IsValidUtf8(std::string_view("\0", 1)));
  EXPECT_TRUE(IsValidUtf8("\xF4\x8F\xBF\xBF"));
  const char* broken[] = {
      "\x80",         "\xC3",         "\xC0\x80",         "\xC1\xBF",         "\xE0\x80\x80",
      "\xED\xA0\x80", "\xE2\x82",     "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
      "\xC3\x28",     "a\xF0\x9F\x98"};
  for (const char* text : broken) EXPECT_FALSE(IsValidUtf8(text)) << HexEncode(text);
}

TEST(Utf8, EncodingIsTheInverseOfDecoding) {
  for (const char32_t code_point :
       {0x24u, 0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xFFFFu, 0x10000u, 0x10FFFFu}) {
    std::string text;
    AppendUtf8(text, code_point);
    EXPECT_EQ(Utf8SequenceLength(text, 0), text.size());
    EXPECT_EQ(DecodeUtf8(text), code_point);
  }
}

TEST(CodePointLess, PutsEscapedBytesWherePythonDoes) {
  EXPECT_TRUE(CodePointLess("Z", "a"));
  EXPECT_TRUE(CodePointLess("a", "ab"));
  EXPECT_FALSE(CodePointLess("ab", "a"));
  EXPECT_FALSE(CodePointLess("a", "a"));
  EXPECT_TRUE(CodePointLess("a\xC3\xA9", "a\xE2\x82\xAC"));
  // The byte 0xC3 alone is U+DCC3: after U+20AC, before U+E000.
  EXPECT_TRUE(CodePointLess("\xE2\x82\xAC", "\xC3"));
  EXPECT_FALSE(CodePointLess("\xC3", "\xE2\x82\xAC"));
  EXPECT_TRUE(CodePointLess("\xFF", "\xEE\x80\x80"));
}

TEST(Percent, RoundTrips) {
  EXPECT_EQ(PercentEncode("a b/\xC3\xA9~"), "a%20b%2F%C3%A9~");
  EXPECT_EQ(PercentEncode("a/b", "/"), "a/b");
  EXPECT_EQ(PercentDecode("a%20b%2f+", false).value(), "a b/+");
  EXPECT_EQ(PercentDecode("a+b%2B", true).value(), "a b+");
  EXPECT_EQ(PercentDecode("%41", false).value(), "A");
  for (const char* text : {"%", "%4", "%4g", "a%"}) {
    EXPECT_EQ(PercentDecode(text, false).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST(HtmlEscape, EscapesWhatMarkupUses) {
  EXPECT_EQ(HtmlEscape("<a b=\"'&\">"), "&lt;a b=&quot;&#39;&amp;&quot;&gt;");
}

TEST(ShellQuote, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(ShellQuote("src/a-b_c.py"), "src/a-b_c.py");
  EXPECT_EQ(ShellQuote(""), "''");
  EXPECT_EQ(ShellQuote("a b"), "'a b'");
  EXPECT_EQ(ShellQuote("it's $HOME"), "'it'\"'\"'s $HOME'");
}

TEST(NearestName, FindsTypingErrors) {
  EXPECT_EQ(NearestName("gaet", {"from", "gate"}), "gate");
  EXPECT_EQ(NearestName("Gate", {"from", "gate"}), "gate");
  EXPECT_EQ(NearestName("replica", {"replicas", "reference"}), "replicas");
  EXPECT_EQ(NearestName("x", {"from", "gate", "y"}), std::nullopt);
  EXPECT_EQ(NearestName("monitoring", {"from", "gate"}), std::nullopt);
  EXPECT_EQ(NearestName(std::string(100'000, 'a'), {"gate"}), std::nullopt);
}

TEST(SuggestName, ListsWhatIsAcceptedWhenNothingIsNear) {
  EXPECT_EQ(SuggestName("gaet", {"from", "gate"}), " (did you mean 'gate'?)");
  EXPECT_EQ(SuggestName("zzzzz", {"from", "gate"}), " (accepted: from, gate)");
  EXPECT_EQ(SuggestName("zzzzz", {}), "");
  EXPECT_THAT(SuggestName("zzzzz", std::vector<std::string>(30, "abc")), HasSubstr("and 10 more"));
}

TEST(ConstantTimeEquals, ComparesAllBytes) {
  EXPECT_TRUE(ConstantTimeEquals("secret", "secret"));
  EXPECT_FALSE(ConstantTimeEquals("secret", "secreT"));
  EXPECT_FALSE(ConstantTimeEquals("Secret", "secret"));
  EXPECT_FALSE(ConstantTimeEquals("secret", "secret1"));
}

}  // namespace
}  // namespace caisson

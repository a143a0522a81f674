#include "base/json.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace caisson {
namespace {

using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Json Parse(std::string_view text) { return ParseJson(text).value(); }

std::string ParseError(std::string_view text, const JsonParseOptions& options = {}) {
  const auto result = ParseJson(text, options);
  if (result.ok()) return "no error";
  EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument);
  return std::string(result.status().message());
}

// What json.dumps(value) of Python writes.
std::string PythonDumps(const Json& json) {
  return WriteJson(json, {.ascii_only = true, .python_spacing = true, .allow_nan = true});
}

TEST(Json, KnowsItsType) {
  EXPECT_EQ(Json().type_name(), "null");
  EXPECT_EQ(Json(true).type_name(), "boolean");
  EXPECT_EQ(Json(1).type_name(), "integer");
  EXPECT_EQ(Json(UINT64_MAX).type_name(), "integer");
  EXPECT_EQ(Json(0.5).type_name(), "number");
  EXPECT_EQ(Json("x").type_name(), "string");
  EXPECT_EQ(Json::MakeArray().type_name(), "array");
  EXPECT_EQ(Json::MakeObject().type_name(), "object");
  EXPECT_TRUE(Json(uint64_t{5}).is_int());
  EXPECT_TRUE(Json(UINT64_MAX).is_uint());
  EXPECT_TRUE(Json(std::string_view("a")).is_string());
}

TEST(Json, ConvertsNumbersWhereThatIsExact) {
  EXPECT_EQ(Json(3.0).AsInt(), 3);
  EXPECT_EQ(Json(3.5).AsInt(-1), -1);
  EXPECT_EQ(Json(1e19).AsInt(-1), -1);
  EXPECT_EQ(Json(std::nan("")).AsInt(-1), -1);
  EXPECT_EQ(Json(UINT64_MAX).AsInt(-1), -1);
  EXPECT_EQ(Json(UINT64_MAX).AsUint(), UINT64_MAX);
  EXPECT_EQ(Json(-1).AsUint(7), 7u);
  EXPECT_EQ(Json(3).AsDouble(), 3.0);
  EXPECT_EQ(Json("3").AsDouble(0.5), 0.5);
  EXPECT_EQ(Json("3").AsInt(9), 9);
  EXPECT_TRUE(Json(1).AsBool(true));
}

TEST(Json, AnswersForWhatIsNotThere) {
  const Json json = Parse(R"({"a": [1]})");
  EXPECT_EQ(json.Find("b"), nullptr);
  EXPECT_TRUE(json["b"]["c"][size_t{3}].is_null());
  EXPECT_TRUE(json["a"][size_t{1}].is_null());
  EXPECT_EQ(json["a"].AsString(), "");
  EXPECT_EQ(json["a"].AsString("x"), "x");
  EXPECT_TRUE(Json(1).empty());
}

TEST(Json, EditsMembersAndElements) {
  Json json;
  json.Set("b", 1).Set("a", 2).Set("b", 3);
  json.Mutable("list").Append("x").Append(2);
  json.Remove("a");
  json.Remove("never there");
  EXPECT_EQ(WriteJson(json), R"({"b":3,"list":["x",2]})");
}

TEST(Json, FindsByPath) {
  const Json json = Parse(R"({"a": {"b": [{"c": 1}, [5, 6]]}})");
  EXPECT_EQ(json.FindPath("a.b[0].c")->AsInt(), 1);
  EXPECT_EQ(json.FindPath("a.b[1][1]")->AsInt(), 6);
  EXPECT_EQ(json.FindPath(""), &json);
  for (const char* path : {"a.c", "a.b[2]", "a.b.c", "a.b[0].c.d", "a..b", ".a", "a.", "a.b[",
                           "a.b[x]", "a.b[-1]", "a.b[0]c", "a[0]"}) {
    EXPECT_EQ(json.FindPath(path), nullptr) << path;
  }
}

TEST(Json, SetsByPath) {
  Json json = Parse(R"({"a": {"list": [1, 2]}, "s": "x"})");
  EXPECT_TRUE(json.SetPath("a.b.c", 1).ok());
  EXPECT_TRUE(json.SetPath("a.list[1]", 7).ok());
  EXPECT_EQ(WriteJson(json), R"({"a":{"list":[1,7],"b":{"c":1}},"s":"x"})");
  EXPECT_THAT(json.SetPath("s.t", 1).message(), HasSubstr("type string"));
  EXPECT_THAT(json.SetPath("a.list[2]", 1).message(), HasSubstr("no element [2]"));
  EXPECT_EQ(json.SetPath("a..b", 1).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(WriteJson(json), R"({"a":{"list":[1,7],"b":{"c":1}},"s":"x"})");
}

TEST(Json, ComparesNumbersByValueAndObjectsWithoutOrder) {
  EXPECT_EQ(Parse(R"({"a": 1, "b": [2.0]})"), Parse(R"({"b": [2], "a": 1.0})"));
  EXPECT_FALSE(Parse(R"({"a": 1, "b": 2})") == Parse(R"({"a": 1, "c": 2})"));
  EXPECT_FALSE(Parse(R"({"a": 1})") == Parse(R"({"a": 1, "b": 2})"));
  EXPECT_FALSE(Parse("[1, 2]") == Parse("[2, 1]"));
  EXPECT_FALSE(Json(1) == Json(true));
  EXPECT_FALSE(Json("1") == Json(1));
  // 2^53 + 1 is no double; compared as doubles the two would be equal.
  EXPECT_FALSE(Json(int64_t{9007199254740993}) == Json(9007199254740992.0));
  EXPECT_FALSE(Json(INT64_MAX) == Json(9223372036854775808.0));
  EXPECT_TRUE(Json(uint64_t{9223372036854775808u}) == Json(9223372036854775808.0));
  EXPECT_FALSE(Json(UINT64_MAX) == Json(18446744073709551616.0));
  EXPECT_FALSE(Json(std::nan("")) == Json(std::nan("")));
}

TEST(ParseJson, ReadsEveryType) {
  const Json json = Parse(
      " {\"n\": null, \"t\": true, \"f\": false, \"i\": -12, \"d\": 1.5e3,\n\t\"s\": \"a\", \"l\": "
      "[[], {}]} ");
  EXPECT_EQ(WriteJson(json),
            R"({"n":null,"t":true,"f":false,"i":-12,"d":1500.0,"s":"a","l":[[],{}]})");
  EXPECT_TRUE(Parse("-0").is_int());
  EXPECT_TRUE(std::signbit(Parse("-0.0").AsDouble()));
}

TEST(ParseJson, KeepsIntegersAsLongAsTheyFit) {
  EXPECT_EQ(Parse("9223372036854775807").AsInt(), INT64_MAX);
  EXPECT_EQ(Parse("-9223372036854775808").AsInt(), INT64_MIN);
  EXPECT_TRUE(Parse("9223372036854775808").is_uint());
  EXPECT_EQ(Parse("18446744073709551615").AsUint(), UINT64_MAX);
  EXPECT_TRUE(Parse("18446744073709551616").is_double());
  EXPECT_EQ(Parse("18446744073709551616").AsDouble(), 18446744073709551616.0);
  EXPECT_TRUE(Parse("-9223372036854775809").is_double());
  EXPECT_EQ(Parse("123456789012345678901234567890").AsDouble(), 123456789012345678901234567890.0);
}

TEST(ParseJson, ReadsDoublesToTheLastBit) {
  for (const char* text :
       {"0.1", "1e23", "8.41e21", "9007199254740993.0", "2.2250738585072011e-308", "5e-324", "1e-5",
        "1.7976931348623157e308", "6.02214076e+23", "0.30000000000000004", "1E5"}) {
    EXPECT_EQ(Parse(text).AsDouble(), std::strtod(text, nullptr)) << text;
  }
  EXPECT_EQ(Parse("1e-400").AsDouble(), 0.0);
}

TEST(ParseJson, DecodesEscapes) {
  EXPECT_EQ(Parse(R"("\"\\\/\b\f\n\r\t")").AsString(), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(Parse(R"("\u0041\u00e9\u20AC\ud83d\ude00")").AsString(),
            "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(Parse(R"({"\u0061": 1})")["a"].AsInt(), 1);
  EXPECT_EQ(Parse(R"("a\u0000b")").AsString(), std::string("a\0b", 3));
}

TEST(ParseJson, DecodesEscapesInLongStrings) {
  // Longer than the parser's own buffer, so that the text arrives in pieces.
  std::string text = "\"";
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    text += "abc\\n\\u00e9";
    expected += "abc\n\xC3\xA9";
  }
  EXPECT_EQ(Parse(text + "\"").AsString(), expected);
}

TEST(ParseJson, KeepsTheLastValueOfARepeatedKeyAtTheFirstPlace) {
  EXPECT_EQ(WriteJson(Parse(R"({"a": 1, "b": 2, "a": 3})")), R"({"a":3,"b":2})");
  // The same in an object large enough for the other way of looking.
  std::string text = "{";
  for (int i = 0; i < 40; ++i) text += fmt::format("\"k{}\": {}, ", i % 30, i);
  const Json json = Parse(text + "\"last\": 0}");
  ASSERT_EQ(json.size(), 31u);
  EXPECT_EQ(json.object()[0].first, "k0");
  EXPECT_EQ(json.object()[0].second.AsInt(), 30);
  EXPECT_EQ(json["k9"].AsInt(), 39);
  EXPECT_EQ(json["k10"].AsInt(), 10);
  EXPECT_EQ(json.object()[30].first, "last");
}

TEST(ParseJson, NamesLineAndColumn) {
  EXPECT_EQ(ParseError("{\"a\": 1,\n \"b\": x}"),
            "invalid JSON at line 2, column 7: unexpected 'x'");
  EXPECT_EQ(ParseError("[\"\xC3\xA9\xC3\xA9\", ?]"),
            "invalid JSON at line 1, column 8: unexpected '?'");
  EXPECT_EQ(ParseError("[1, 2"), "invalid JSON at line 1, column 6: unexpected end");
  EXPECT_EQ(ParseError(""), "invalid JSON at line 1, column 1: unexpected end");
  EXPECT_EQ(ParseError("1 2"),
            "invalid JSON at line 1, column 3: unexpected '2' after the end of the value");
  EXPECT_EQ(ParseError("[\"a\nb\"]"),
            "invalid JSON at line 1, column 4: unexpected control character 0x0a");
}

TEST(ParseJson, RefusesWhatTheStandardRefuses) {
  for (const char* text : {"[1,]",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{'a':1}",
                           "[01]",
                           "[1.]",
                           "[.5]",
                           "[+1]",
                           "[1e]",
                           "[-]",
                           "nul",
                           "nulll",
                           "truee",
                           "\"\\x\"",
                           "\"\\u12g4\"",
                           "\"\\ud800\"",
                           "\"\\udc00\"",
                           "\"\\ud800\\u0041\"",
                           "\"abc",
                           "[1 2]",
                           "{\"a\" 1}",
                           "[",
                           "]",
                           "// c\n1",
                           "/* c */ 1",
                           "NaN",
                           "[Infinity]",
                           "[-Infinity]",
                           "\xEF\xBB\xBF{}",
                           "[\"\x80\"]",
                           "[\"\xED\xA0\x80\"]",
                           "[\"\xC3\"]",
                           "1e400",
                           "\"\\"}) {
    EXPECT_THAT(ParseError(text), HasSubstr("invalid JSON at line")) << text;
  }
  EXPECT_THAT(ParseError("[\"\x80\"]"), HasSubstr("0x80 that is not UTF-8"));
  EXPECT_THAT(ParseError("[1e400]"), HasSubstr("too large for a double"));
  EXPECT_THAT(ParseError("[\"\\ud800x\"]"), HasSubstr("surrogate"));
}

TEST(ParseJson, LimitsDepth) {
  EXPECT_TRUE(ParseJson(std::string(100, '[') + std::string(100, ']')).ok());
  EXPECT_THAT(ParseError(std::string(101, '[') + std::string(101, ']')),
              HasSubstr("deeper than 100 levels"));
  EXPECT_THAT(ParseError(std::string(1'000'000, '[')), HasSubstr("deeper than 100 levels"));
  EXPECT_THAT(ParseError("{\"a\":[0]}", {.max_depth = 1}), HasSubstr("deeper than 1 levels"));
}

TEST(ParseJson, ReadsPythonsNumbersOnRequest) {
  const Json json =
      ParseJson(
          R"({"NaN": NaN, "l": [Infinity, -Infinity , 0.000, "NaN, Infinity"], "big": [1e400,-1e400]})",
          {.allow_nan = true})
          .value();
  EXPECT_TRUE(std::isnan(json["NaN"].AsDouble()));
  EXPECT_EQ(json["l"][size_t{0}].AsDouble(), kInfinity);
  EXPECT_EQ(json["l"][size_t{1}].AsDouble(), -kInfinity);
  EXPECT_EQ(json["l"][size_t{2}].AsDouble(), 0.0);
  EXPECT_EQ(json["l"][size_t{3}].AsString(), "NaN, Infinity");
  EXPECT_EQ(json["big"][size_t{0}].AsDouble(), kInfinity);
  EXPECT_EQ(json["big"][size_t{1}].AsDouble(), -kInfinity);
  EXPECT_TRUE(std::isnan(ParseJson("NaN", {.allow_nan = true}).value().AsDouble()));
  for (const char* text : {"1NaN", "NaN1", "NaNNaN", "-NaN", "--Infinity", "+Infinity",
                           "[Infinityx]", "{NaN: 1}", "nan", "Na", "1e99999999999"}) {
    EXPECT_THAT(ParseError(text, {.allow_nan = true}), HasSubstr("invalid JSON")) << text;
  }
}

TEST(ParseJson, ReadsEscapedBytesOnRequest) {
  const std::string bytes = "a\xFF\xC3/\xC3\xA9\xF0\x9F\x98\x80\x80z";
  const std::string text = PythonDumps(Json(bytes));
  EXPECT_EQ(text, R"("a\udcff\udcc3/\u00e9\ud83d\ude00\udc80z")");
  EXPECT_EQ(ParseJson(text, {.surrogate_escape = true}).value().AsString(), bytes);
  EXPECT_EQ(ParseJson(R"({"\udcfe": "\\udcfe"})", {.surrogate_escape = true}).value(),
            Json::Of({{"\xFE", "\\udcfe"}}));
  EXPECT_THAT(ParseError(text), HasSubstr("surrogate"));
  // Only U+DC80 to U+DCFF stand for bytes.
  EXPECT_THAT(ParseError(R"("\udc41")", {.surrogate_escape = true}), HasSubstr("surrogate"));
  EXPECT_THAT(ParseError(R"("\ud800")", {.surrogate_escape = true}), HasSubstr("surrogate"));
  EXPECT_THAT(ParseError("\"\\udcff \xEF\xB7\x90\"", {.surrogate_escape = true}),
              HasSubstr("noncharacters"));
  EXPECT_THAT(ParseError("\"\\udcff \\ufdd0\"", {.surrogate_escape = true}),
              HasSubstr("noncharacters"));
  EXPECT_EQ(ParseJson("\"\\ufdd0\"", {.surrogate_escape = true}).value().AsString(),
            "\xEF\xB7\x90");
}

TEST(WriteJson, IndentsLikePython) {
  const Json json = Parse(R"({"b": [1, {"c": null}], "a": {}, "e": []})");
  EXPECT_EQ(WriteJson(json), R"({"b":[1,{"c":null}],"a":{},"e":[]})");
  EXPECT_EQ(
      WriteJson(json, {.indent = 2, .sort_keys = true}),
      "{\n  \"a\": {},\n  \"b\": [\n    1,\n    {\n      \"c\": null\n    }\n  ],\n  \"e\": []\n}");
}

TEST(WriteJson, WritesWhatJsonDumpsWrites) {
  EXPECT_EQ(
      PythonDumps(Parse(
          R"({"k": [1, -2, 1.0, 1e-5, 1e16, 123456.789, true, false, null, "x"], "e": {}, "l": []})")),
      R"({"k": [1, -2, 1.0, 1e-05, 1e+16, 123456.789, true, false, null, "x"], "e": {}, "l": []})");
  EXPECT_EQ(PythonDumps(Json(std::string("\"\\/\b\f\n\r\t\x01\x1f\x7f\0", 12))),
            R"("\"\\/\b\f\n\r\t\u0001\u001f\u007f\u0000")");
  EXPECT_EQ(PythonDumps("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), R"("\u00e9\u20ac\ud83d\ude00")");
  EXPECT_EQ(
      PythonDumps(Json::ArrayOf(std::vector<double>{std::nan(""), kInfinity, -kInfinity, -0.0})),
      "[NaN, Infinity, -Infinity, -0.0]");
}

// The text under a directory object of DVC; its MD5 is the object's name
// (5ea40360f5b4ec688df672a4db9c17d1.dir).
TEST(WriteJson, WritesDvcDirectoryObjects) {
  const Json json = Json(Json::Array{
      Json::Of({{"relpath", "bar"}, {"md5", "37b51d194a7513e45b56f6524f2d51f2"}}),
      Json::Of({{"relpath", "foo"}, {"md5", "acbd18db4cc2f85cedef654fccc4a4d8"}}),
  });
  EXPECT_EQ(WriteJson(json, {.sort_keys = true, .ascii_only = true, .python_spacing = true}),
            R"([{"md5": "37b51d194a7513e45b56f6524f2d51f2", "relpath": "bar"}, )"
            R"({"md5": "acbd18db4cc2f85cedef654fccc4a4d8", "relpath": "foo"}])");
}

TEST(WriteJson, SortsKeysByCodePoint) {
  Json json;
  for (const char* key : {"\xEE\x80\x80", "\xFF", "\xF0\x9F\x98\x80", "b", "B", "ba", "\xC3\xA9"})
    json.Set(key, 0);
  EXPECT_EQ(WriteJson(json, {.sort_keys = true, .ascii_only = true}),
            R"({"B":0,"b":0,"ba":0,"\u00e9":0,"\udcff":0,"\ue000":0,"\ud83d\ude00":0})");
}

TEST(WriteJson, WritesUtf8AndReplacesTheRest) {
  EXPECT_EQ(WriteJson("\xC3\xA9\x7f"), "\"\xC3\xA9\x7f\"");
  EXPECT_EQ(WriteJson("a\xFF"
                      "b\xE2\x82"),
            "\"a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_EQ(WriteJson(Json(std::nan(""))), "null");
  EXPECT_EQ(WriteJson(Json(UINT64_MAX)), "18446744073709551615");
  EXPECT_EQ(WriteJson(Json(INT64_MIN)), "-9223372036854775808");
}

TEST(WriteJson, IsTheInverseOfParseJson) {
  const char* text =
      R"({"a":[0.1,1e+300,-7,"\u0001é"],"b":{"c":[[],{},null,true]},"n":18446744073709551615})";
  EXPECT_EQ(WriteJson(Parse(text)), text);
}

TEST(AppendJson, AppendsToWhatIsThere) {
  std::string out = "[";
  AppendJsonString(out, "a\"b");
  out += ",";
  AppendJsonDouble(out, 2);
  out += ",";
  AppendJsonDouble(out, -0.0);
  out += ",";
  AppendJsonDouble(out, kInfinity);
  out += ",";
  AppendJsonDouble(out, 1e15);
  out += "]";
  EXPECT_EQ(out, R"(["a\"b",2.0,-0.0,null,1000000000000000.0])");
}

}  // namespace
}  // namespace caisson

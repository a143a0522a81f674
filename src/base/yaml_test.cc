#include "base/yaml.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"

namespace caisson {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Json Parse(std::string_view text) {
  auto document = ParseYaml(text, "t.yaml");
  EXPECT_TRUE(document.ok()) << document.status() << "\n" << text;
  return document.ok() ? document->value : Json("failed");
}

std::string ParseError(std::string_view text) {
  const auto document = ParseYaml(text, "t.yaml");
  if (document.ok()) return "no error";
  EXPECT_EQ(document.status().code(), StatusCode::kInvalidArgument);
  return Message(document.status());
}

TEST(ParseYaml, ReadsBlocksAndFlows) {
  const Json json = Parse(R"(# a comment
project: flights
models:
  delay:
    from: train      # another
    gate: [auc >= 0.65, "p99_ms <= 5"]
endpoints:
  delay: {model: delay@champion, canary: {steps: [5, 25, 50], bake: 30s}}
list:
- a: 1
  b:
  - x
-
  - nested
text: |
  two
  lines
folded: >-
  one
  line
)");
  EXPECT_EQ(
      WriteJson(json),
      R"({"project":"flights","models":{"delay":{"from":"train","gate":["auc >= 0.65","p99_ms <= 5"]}},)"
      R"("endpoints":{"delay":{"model":"delay@champion","canary":{"steps":[5,25,50],"bake":"30s"}}},)"
      R"("list":[{"a":1,"b":["x"]},["nested"]],"text":"two\nlines\n","folded":"one line"})");
}

TEST(ParseYaml, ReadsNothingAsNull) {
  for (const char* text : {"", "\n", "# only a comment\n", "---\n", "~", "\xEF\xBB\xBF"}) {
    EXPECT_TRUE(Parse(text).is_null()) << text;
  }
}

TEST(ParseYaml, ResolvesPlainScalarsByTheCoreSchema) {
  const std::pair<const char*, Json> cases[] = {
      {"null", Json()},
      {"~", Json()},
      {"Null", Json()},
      {"true", true},
      {"FALSE", false},
      {"True", true},
      {"yes", "yes"},
      {"no", "no"},
      {"on", "on"},
      {"off", "off"},
      {"tRUE", "tRUE"},
      {"0", 0},
      {"-12", -12},
      {"+12", 12},
      {"017", 17},
      {"0o17", 15},
      {"0x1F", 31},
      {"-0x10", -16},
      {"0b101", 5},
      {"1_000", 1000},
      {"_1", "_1"},
      {"9223372036854775807", INT64_MAX},
      {"-9223372036854775808", INT64_MIN},
      {"18446744073709551615", UINT64_MAX},
      {"18446744073709551616", "18446744073709551616"},
      {"-9223372036854775809", "-9223372036854775809"},
      {"1.5", 1.5},
      {"-1.", -1.0},
      {".5", 0.5},
      {"1e3", 1000.0},
      {"1E-5", 1e-5},
      {".5e+3", 500.0},
      {".5e3", ".5e3"},
      {"1_0.5", 10.5},
      {"1e400", "1e400"},
      {"1e", "1e"},
      {"e5", "e5"},
      {"1.2.3", "1.2.3"},
      {".inf", kInfinity},
      {"-.INF", -kInfinity},
      {".", "."},
      {"-", Json(Json::Array{Json()})},
      {"2001-05-07", "2001-05-07"},
      {"12:30", "12:30"},
      {"'1'", "1"},
      {"\"true\"", "true"},
      {"'~'", "~"},
      {"''", ""},
      {"!!str 12", "12"},
      {"!!float 12", 12.0},
      {"!!int '12'", 12},
      {"! 12", "12"},
      {"12345678901234567890123456789012", "12345678901234567890123456789012"},
      {"0x", "0x"},
      {"+", "+"},
      {"=", "="},
  };
  for (const auto& [text, expected] : cases) {
    const Json value = Parse(text);
    EXPECT_EQ(value, expected) << text << " is " << WriteJson(value);
    EXPECT_EQ(value.type_name(), expected.type_name()) << text;
  }
  EXPECT_TRUE(std::isnan(Parse(".nan").AsDouble()));
}

TEST(ParseYaml, DecodesEscapes) {
  EXPECT_EQ(Parse(R"("\0\a\b\t\n\v\f\r\e\"\/\\\x41\u00e9\U0001F600\N\_\L\P")").AsString(),
            std::string("\0\a\b\t\n\v\f\r\x1b\"/"
                        "\\A\xC3\xA9\xF0\x9F\x98\x80\xC2\x85\xC2\xA0\xE2\x80\xA8\xE2\x80\xA9",
                        29));
  EXPECT_EQ(Parse("'it''s'").AsString(), "it's");
  EXPECT_EQ(Parse("\"a\n  b\"").AsString(), "a b");
  EXPECT_THAT(ParseError(R"("\q")"), HasSubstr("t.yaml:1:"));
  EXPECT_THAT(ParseError(R"("\ud800")"), HasSubstr("t.yaml:1:"));
}

TEST(ParseYaml, KeepsTheEndOfBlockScalars) {
  EXPECT_EQ(Parse("|\n  x").AsString(), "x");
  EXPECT_EQ(Parse("|\n  x\n").AsString(), "x\n");
  EXPECT_EQ(Parse("|+\n  x\n\n").AsString(), "x\n\n");
  EXPECT_EQ(Parse("a: |-\n  x\n\nb: 1\n")["a"].AsString(), "x");
}

TEST(ParseYaml, KeepsTheTextOfKeys) {
  EXPECT_EQ(WriteJson(Parse("1: a\n'2': b\ntrue: c\n~: d\n1e3: e\n? long\n: f\n")),
            R"({"1":"a","2":"b","true":"c","null":"d","1e3":"e","long":"f"})");
}

TEST(ParseYaml, ResolvesAnchorsAndMergeKeys) {
  const Json json = Parse(R"(
base: &base {a: 1, b: 2}
other: &other {b: 3, c: 4}
plain: *base
merged: {<<: *base, b: 9, d: 5}
several:
  <<: [*base, *other]
  e: 6
quoted: {'<<': 1}
scalar: &s text
again: *s
)");
  EXPECT_EQ(WriteJson(json["plain"]), R"({"a":1,"b":2})");
  EXPECT_EQ(WriteJson(json["merged"]), R"({"a":1,"b":9,"d":5})");
  EXPECT_EQ(WriteJson(json["several"]), R"({"a":1,"b":2,"c":4,"e":6})");
  EXPECT_EQ(WriteJson(json["quoted"]), R"({"<<":1})");
  EXPECT_EQ(json["again"].AsString(), "text");
}

TEST(ParseYaml, KnowsWhereEveryValueStood) {
  const auto document = ParseYaml(R"(a: 1
stages:
- cmd: x
  deps: [p, q]
base: &base
  k: v
copy:
  <<: *base
alias: *base
)",
                                  "t.yaml");
  ASSERT_TRUE(document.ok());
  const auto at = [&](const char* path) {
    const auto found = document->positions.find(path);
    return found == document->positions.end()
               ? std::string("nowhere")
               : fmt::format("{}:{}", found->second.line, found->second.column);
  };
  EXPECT_EQ(at(""), "1:1");
  EXPECT_EQ(at("a"), "1:4");
  EXPECT_EQ(at("stages[0].cmd"), "3:8");
  EXPECT_EQ(at("stages[0].deps[1]"), "4:13");
  EXPECT_EQ(at("base.k"), "6:6");
  EXPECT_EQ(at("copy.k"), "6:6");
  EXPECT_EQ(at("alias.k"), "6:6");
  EXPECT_EQ(at("alias"), "9:8");
  EXPECT_EQ(at("missing"), "nowhere");
}

TEST(ParseYaml, NamesLineAndColumn) {
  EXPECT_THAT(ParseError("a: b: c\n"), StartsWith("t.yaml:1:5: a ':' where no key can stand"));
  EXPECT_THAT(ParseError("a: [1, 2\nb: 3\n"), StartsWith("t.yaml:2:"));
  EXPECT_THAT(ParseError("a:\n\t- b\n"), StartsWith("t.yaml:2:"));
  EXPECT_EQ(ParseError("a: 1\nb: 2\na: 3\n"),
            "t.yaml:3:1: the key 'a' is given twice, first in line 1");
  EXPECT_EQ(ParseError("a: \"\xC3\xA9\x01\"\n"),
            "t.yaml:1:6: the control character 0x01 is not allowed in YAML");
  EXPECT_EQ(ParseError("\xC3\xA9\xFF"), "t.yaml:1:2: the byte 0xff is not UTF-8");
}

TEST(ParseYaml, RefusesTheRest) {
  EXPECT_THAT(ParseError("a: 1\n---\nb: 2\n"), HasSubstr("more than one document"));
  EXPECT_THAT(ParseError("{a: 1"), HasSubstr("t.yaml:"));
  EXPECT_THAT(ParseError("a: *missing\n"), HasSubstr("t.yaml:1:4"));
  EXPECT_THAT(ParseError("a: &x [*x]\n"), HasSubstr("inside the very value"));
  EXPECT_THAT(ParseError("[a]: 1\n"), HasSubstr("a key must be a scalar"));
  EXPECT_THAT(ParseError("? {a: 1}\n: 1\n"), HasSubstr("a key must be a scalar"));
  EXPECT_THAT(ParseError("a: !!int x\n"), HasSubstr("does not fit 'x'"));
  EXPECT_THAT(ParseError("a: !python/object {}\n"), HasSubstr("is not known here"));
  EXPECT_THAT(ParseError("a: {<<: 1}\n"), HasSubstr("takes a map"));
  for (const char* text :
       {"'abc\n", "'abc", "a: \"b\n", "a: \"b", "- 'x'\n- 'y'' z\n", "{a: \"b"}) {
    EXPECT_THAT(ParseError(text), HasSubstr("t.yaml:")) << text;
  }
  EXPECT_THAT(ParseError(std::string_view("a: \0", 4)), HasSubstr("control character 0x00"));
}

TEST(ParseYaml, LimitsDepthAndAliases) {
  const auto nested = [](int depth) {
    return std::string(static_cast<size_t>(depth), '[') +
           std::string(static_cast<size_t>(depth), ']');
  };
  EXPECT_TRUE(ParseYaml(nested(100), "t.yaml").ok());
  EXPECT_THAT(ParseError(nested(101)), HasSubstr("deeper than 100 levels"));
  EXPECT_THAT(ParseError(nested(5000)), HasSubstr("t.yaml:1:"));

  // Each line repeats the one before nine times: nine levels would make 3.8 * 10^8 nodes.
  std::string bomb = "a0: &a0 x\n";
  for (int i = 1; i < 10; ++i) {
    bomb += fmt::format(
        "a{0}: &a{0} [*a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}]\n", i, i - 1);
  }
  EXPECT_THAT(ParseError(bomb), HasSubstr("aliases repeat more than"));
  // The same with few nodes and much text.
  std::string texts = "a: &a '" + std::string(1'000'000, 'x') + "'\nb: [";
  for (int i = 0; i < 1000; ++i) texts += "*a, ";
  EXPECT_THAT(ParseError(texts + "]\n"), HasSubstr("aliases repeat more than"));
  // Depth counts through aliases too.
  std::string deep = "a0: &a0 x\n";
  for (int i = 1; i < 120; ++i) deep += fmt::format("a{0}: &a{0} [*a{1}]\n", i, i - 1);
  EXPECT_THAT(ParseError(deep), HasSubstr("deeper than 100 levels"));
}

TEST(ReadYamlFile, NamesTheFile) {
  const auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok());
  const std::string path = JoinPath(folder->path(), "x.yaml");
  EXPECT_EQ(ReadYamlFile(path).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(WriteFileAtomic(path, "").ok());
  EXPECT_TRUE(ReadYamlFile(path).value().value.is_null());
  ASSERT_TRUE(WriteFileAtomic(path, "a: ]").ok());
  EXPECT_THAT(Message(ReadYamlFile(path).status()), StartsWith(path + ":1:4: "));
}

TEST(WriteYaml, WritesBlocksAsDvcDoes) {
  const Json json =
      ParseJson(R"({"schema": "2.0", "stages": {"train": {"cmd": "python train.py --lr 0.1",
      "deps": [{"path": "data", "hash": "md5", "md5": "5ea40360f5b4ec688df672a4db9c17d1.dir", "size": 6, "nfiles": 2}],
      "params": {"params.yaml": {"lr": 1e-05, "on": true, "seed": null}}, "outs": [], "meta": {}}},
      "nested": [[1, 2], [{"a": [3]}], [], {}]})")
          .value();
  EXPECT_EQ(WriteYaml(json), R"(schema: '2.0'
stages:
  train:
    cmd: python train.py --lr 0.1
    deps:
    - path: data
      hash: md5
      md5: 5ea40360f5b4ec688df672a4db9c17d1.dir
      size: 6
      nfiles: 2
    params:
      params.yaml:
        lr: 1e-05
        on: true
        seed:
    outs: []
    meta: {}
nested:
- - 1
  - 2
- - a:
    - 3
- []
- {}
)");
}

TEST(WriteYaml, WritesRootsOfEveryType) {
  EXPECT_EQ(WriteYaml(Json()), "null\n");
  EXPECT_EQ(WriteYaml(Json("x")), "x\n");
  EXPECT_EQ(WriteYaml(Json(kInfinity)), ".inf\n");
  EXPECT_EQ(WriteYaml(Json(-kInfinity)), "-.inf\n");
  EXPECT_EQ(WriteYaml(Json(std::nan(""))), ".nan\n");
  EXPECT_EQ(WriteYaml(Json(1.0)), "1.0\n");
  EXPECT_EQ(WriteYaml(Json::MakeObject()), "{}\n");
  EXPECT_EQ(WriteYaml(Json(Json::Array{Json(), Json(1)})), "-\n- 1\n");
}

TEST(WriteYaml, QuotesOnlyWhatNeedsIt) {
  const std::pair<const char*, const char*> cases[] = {
      {"plain text", "plain text"},
      {"yes", "yes"},
      {"a:b", "a:b"},
      {"a#b", "a#b"},
      {"it's", "it's"},
      {"-x", "-x"},
      {"http://x/y?z=1", "http://x/y?z=1"},
      {"\xC3\xA9", "\xC3\xA9"},
      // Digests that read as numbers.
      {"12345678901234567890123456789012", "'12345678901234567890123456789012'"},
      {"12e34567890123456789012345678901", "'12e34567890123456789012345678901'"},
      {"00000000000000000000000000000000", "'00000000000000000000000000000000'"},
      {"1234567890123456789012345678901f", "1234567890123456789012345678901f"},
      {"", "''"},
      {"true", "'true'"},
      {"null", "'null'"},
      {"~", "'~'"},
      {"1", "'1'"},
      {"1_000", "'1_000'"},
      {"0x1F", "'0x1F'"},
      {"1.5", "'1.5'"},
      {".5", "'.5'"},
      {".inf", "'.inf'"},
      {"2.0", "'2.0'"},
      {"2001-05-07", "'2001-05-07'"},
      {"2001-05-07T01:02:03", "'2001-05-07T01:02:03'"},
      {"<<", "'<<'"},
      {"=", "'='"},
      {" x", "' x'"},
      {"x ", "'x '"},
      {"a: b", "'a: b'"},
      {"a:", "'a:'"},
      {"a #b", "'a #b'"},
      {"#a", "'#a'"},
      {"*a", "'*a'"},
      {"&a", "'&a'"},
      {"!a", "'!a'"},
      {"[a", "'[a'"},
      {"{a", "'{a'"},
      {"${x}", "${x}"},
      {"%a", "'%a'"},
      {"@a", "'@a'"},
      {"`a", "'`a'"},
      {"- x", "'- x'"},
      {"-", "'-'"},
      {"? x", "'? x'"},
      {"---", "'---'"},
      {"\"a\"", "'\"a\"'"},
      {"'a'", "\"'a'\""},
      {"it's: x", "\"it's: x\""},
      {"two\nlines\n", "\"two\\nlines\\n\""},
      {"tab\there", "\"tab\\there\""},
      {"\x01\x1b\x7f", "\"\\x01\\e\\x7F\""},
      {"\xEF\xBB\xBF"
       "a\xE2\x80\xA8",
       "\"\\uFEFFa\\L\""},
      {"back\\slash", "back\\slash"},
      {"bad \xFF", "\"bad \xEF\xBF\xBD\""},
  };
  for (const auto& [text, yaml] : cases) {
    EXPECT_EQ(WriteYaml(Json::Of({{"k", text}})), fmt::format("k: {}\n", yaml));
    EXPECT_EQ(WriteYaml(Json::Of({{text, 1}})), fmt::format("{}: 1\n", yaml));
  }
}

TEST(WriteYaml, IsReadBackUnchanged) {
  // Texts that YAML's syntax, its number forms or its escapes could take for something else.
  const Json texts = ParseJson(R"json(["", "a", "-", "--", "---", "...", "?", ":", "::", ":a", "?a",
      "a?", "a: b", "a :b", "a #", "#", "!", "|", ">", "%", "'", "''", "\"", "\\", "\n", " \n ",
      "\r\n", "\t", "a\tb", "[]", "{}", "[a]", "a]", "a,b", ",", "&", "*", "0", "-0", "1e5", "0o7",
      "08", "1:30", "=", "<<", "y", "~", ".", "..", "-.5", "+.5", "\u0085", "\u2029", "\u0000",
      "\ud83d\ude00", "-\n-", ": ", "a\n\nb", "a ", "# c", "- - x", "null ", "true\n", "@", "`",
      "\\n", "--- a", "... b", "a\u00a0", "\ufeff"])json")
                         .value();
  Json map;
  for (const Json& text : texts.array()) {
    map.Set(text.AsString(), Json(Json::Array{text, Json::Of({{text.AsString(), text}})}));
  }
  // Beyond the length that a key may have in front of its colon.
  map.Set(std::string(2000, 'k'),
          Json(Json::Array{Json::Of({{std::string(3000, 'x'), Json::MakeArray()}})}));
  const Json numbers(Json::Array{1, -1, 0.5, 1e-7, 1e22, Json(UINT64_MAX), Json(INT64_MIN),
                                 kInfinity, true, Json()});
  const Json json = Json::Of({{"list", texts}, {"map", map}, {"numbers", numbers}});
  const std::string yaml = WriteYaml(json);
  const auto again = ParseYaml(yaml, "again.yaml");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->value == json) << yaml;
}

}  // namespace
}  // namespace caisson

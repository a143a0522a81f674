// Small text helpers that the standard library lacks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace caisson {

std::vector<std::string> Split(std::string_view text, char separator);
std::string Join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view Trim(std::string_view text);
std::string ToLower(std::string_view text);
std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to);

// The whole text must be a number; no leading or trailing spaces, no plus sign. A number beyond the
// type's range is nothing; a double too small becomes zero; "inf" and "nan" are doubles.
std::optional<int64_t> ParseInt(std::string_view text);
std::optional<double> ParseDouble(std::string_view text);

// The shortest decimal that reads back as the same double, in the form of Python's repr: "1.0",
// "1e-05", "nan", "inf".
std::string FormatDouble(double value);

// "13.5 MB" (decimal units), "3,000,000", and 0.123 as "12.3 %".
std::string HumanBytes(uint64_t bytes);
std::string HumanCount(int64_t count);
std::string HumanShare(double share);

std::string HexEncode(std::string_view bytes);
Result<std::string> HexDecode(std::string_view text);
std::string Base64Encode(std::string_view bytes);
// Standard alphabet; padding may be missing.
Result<std::string> Base64Decode(std::string_view text);

bool IsValidUtf8(std::string_view text);
// The length of the well-formed UTF-8 sequence that starts at `position` (1 to 4), or 0 when none
// does there.
size_t Utf8SequenceLength(std::string_view text, size_t position);
// The code point of a well-formed sequence of that length.
char32_t DecodeUtf8(std::string_view sequence);
void AppendUtf8(std::string& out, char32_t code_point);
// Whether `a` sorts before `b` by code points, where a byte that is not UTF-8 counts as U+DC00 +
// byte: the order in which Python sorts such texts (its "surrogateescape").
bool CodePointLess(std::string_view a, std::string_view b);

// '%41' becomes 'A'; with `plus_is_space` also '+' a space (query strings). A broken escape is an
// error.
Result<std::string> PercentDecode(std::string_view text, bool plus_is_space);
// Encodes all but unreserved characters (RFC 3986, section 2.3) and those in `keep`.
std::string PercentEncode(std::string_view text, std::string_view keep = "");
// & < > " and ' as entities, for HTML and SVG.
std::string HtmlEscape(std::string_view text);
// A word that a POSIX shell reads back unchanged, in the form of Python's shlex.quote.
std::string ShellQuote(std::string_view text);

// The candidate nearest to `name` by edit distance, when it is near enough to be a likely typing
// error.
std::optional<std::string> NearestName(std::string_view name,
                                       const std::vector<std::string>& candidates);
// " (did you mean 'gate'?)", or " (accepted: a, b, c)" when nothing is near.
std::string SuggestName(std::string_view name, const std::vector<std::string>& candidates);

// Equal, in a time that does not depend on where the texts differ. For tokens and signatures.
bool ConstantTimeEquals(std::string_view a, std::string_view b);

}  // namespace caisson

#include "lifecycle/data/check_catalogue.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/strings.h"

namespace caisson::data {
namespace {

constexpr std::string_view kBegin = "<!-- catalogue: begin -->\n\n";
constexpr std::string_view kEnd = "<!-- catalogue: end -->";

// docs/checks.md of the source tree, which the build says.
std::string DocumentPath() {
  const char* folder = std::getenv("CAISSON_SOURCE_DIR");
  return JoinPath(folder == nullptr ? "../../../.." : folder, "docs/checks.md");
}

TEST(CheckCatalogue, TheDocumentHasEveryKind) {
  const std::string path = DocumentPath();
  const std::string text = ReadFile(path).value();
  const size_t begin = text.find(kBegin);
  const size_t end = text.find(kEnd);
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  const size_t start = begin + kBegin.size();
  const std::string expected = CheckCatalogueMarkdown();
  // CAISSON_WRITE_DOCS=1 writes the part anew instead of comparing it.
  if (std::getenv("CAISSON_WRITE_DOCS") != nullptr) {
    ASSERT_TRUE(WriteFileAtomic(path, text.substr(0, start) + expected + text.substr(end)).ok());
    return;
  }
  EXPECT_EQ(text.substr(start, end - start), expected)
      << "run the test once with CAISSON_WRITE_DOCS=1";
}

TEST(CheckCatalogue, NamesAreUniqueInTheirScope) {
  const Json catalogue = CheckCatalogue();
  std::vector<std::string> seen;
  for (const Json& kind : catalogue.array()) {
    const std::string name = kind["scope"].AsString() + "/" + kind["name"].AsString();
    EXPECT_EQ(std::count(seen.begin(), seen.end(), name), 0) << name;
    EXPECT_FALSE(kind["summary"].AsString().empty());
    seen.push_back(name);
  }
}

}  // namespace
}  // namespace caisson::data

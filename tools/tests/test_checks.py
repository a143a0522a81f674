"""Each rule of the check scripts finds a planted breach and passes its mended twin; and this repository
passes every one of them."""

import pathlib
import subprocess
import sys

import pytest

import check_sizes

TOOLS = pathlib.Path(__file__).resolve().parent.parent
EDGES = "lifecycle/registry -> lifecycle/tracking  # versions come from runs\n"


def check(name: str, root: pathlib.Path) -> tuple[int, str]:
    result = subprocess.run([sys.executable, str(TOOLS / f"check_{name}.py"), "--root", str(root)],
                            capture_output=True, text=True)
    assert result.stderr == ""
    return result.returncode, result.stdout


@pytest.fixture
def plant(tmp_path):
    """Writes files into an empty checkout and returns its root."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)

    def write(files: dict[str, str]) -> pathlib.Path:
        for name, text in {"src/layers.txt": EDGES, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


@pytest.mark.parametrize("name", ["layers", "sizes", "words"])
def test_this_repository_passes(name):
    status, output = check(name, TOOLS.parent)
    assert status == 0, output


@pytest.mark.parametrize("file, line, complaint", [
    ("src/base/a.cc", '#include "platform/sql/sql.h"', "higher floor"),
    ("src/lifecycle/tracking/a.cc", '#include "lifecycle/registry/registry.h"', "src/layers.txt"),
    ("src/lifecycle/registry/a.cc", '#include "lifecycle/tracking/internal/x.h"', "is internal to"),
    ("src/platform/sql/a.cc", '#include "sql.h"', "not a path from src/"),
    ("src/stray.cc", '#include "base/status.h"', "in no module"),
    ("src/platform/sql/sql.h", "#include <boost/asio.hpp>", "public header"),
    ("src/platform/sql/sql.h", "#include <sqlite3.h>", "public header"),
])
def test_a_forbidden_include_is_found(plant, file, line, complaint):
    status, output = check("layers", plant({file: f"#pragma once\n{line}\n"}))
    assert status == 1
    assert complaint in output
    assert output.startswith(f"{file}:")


@pytest.mark.parametrize("file, line", [
    ("src/platform/sql/a.cc", '#include "base/status.h"'),
    ("src/lifecycle/registry/a.cc", '#include "lifecycle/tracking/store.h"'),
    ("src/lifecycle/tracking/a.cc", '#include "lifecycle/tracking/internal/x.h"'),
    ("src/platform/sql/internal/x.h", "#include <sqlite3.h>"),
    ("src/platform/sql/a.cc", "#include <sqlite3.h>"),
    ("src/app/commands/a.cc", '#include "app/version.h"'),
])
def test_an_allowed_include_passes(plant, file, line):
    assert check("layers", plant({file: f"{line}\n"})) == (0, "check_layers: 0 violations, 0 warnings\n")


@pytest.mark.parametrize("dependencies, complaint", [
    ("DEPS base", None),
    ("", "add base to DEPS"),
    ("DEPS base engines/duckdb", "higher floor"),
    ("DEPS base platform/http", "may not use platform/http"),
    ("DEPS base nonsense", "no such module"),
    ("DEPS base TEST_DEPS base", "remove it from TEST_DEPS"),
])
def test_declared_dependencies_are_those_that_are_included(plant, dependencies, complaint):
    root = plant({
        "src/platform/sql/CMakeLists.txt":
            f"caisson_module(NAME platform/sql  # the database\n  SOURCES a.cc {dependencies})\n",
        "src/platform/sql/a.cc": '#include "base/status.h"\n'})
    status, output = check("layers", root)
    assert (status, complaint or "0 violations") == (1 if complaint else 0, complaint or "0 violations")
    assert (complaint or "0 violations") in output


def test_a_source_that_is_not_built_is_found(plant):
    status, output = check("layers", plant({
        "src/base/CMakeLists.txt": "caisson_module(NAME base SOURCES a.cc)\n",
        "src/base/a.cc": "\n", "src/base/a_test.cc": "\n"}))
    assert status == 1
    assert output.startswith("src/base/a_test.cc:1: ") and "TESTS" in output


@pytest.mark.parametrize("edges, complaint", [
    ("platform/a -> platform/b\nplatform/b -> platform/a\n", "closes a circle"),
    ("platform/a -> lifecycle/b\n", "not on one floor"),
    ("platform/a platform/b\n", "write `from -> to`"),
])
def test_a_wrong_edge_is_found(plant, edges, complaint):
    status, output = check("layers", plant({"src/layers.txt": edges}))
    assert status == 1
    assert complaint in output


def test_heavy_headers_are_limited_to_fifteen_files(plant):
    files = {f"src/platform/sql/f{i:02}.cc": "#include <boost/json.hpp>\n" for i in range(15)}
    assert check("layers", plant(files))[0] == 0
    status, output = check("layers", plant({"src/platform/sql/g.cc": "#include <curl/curl.h>\n"}))
    assert status == 1
    assert output.startswith("src/platform/sql/g.cc:1: 16 files")


@pytest.mark.parametrize("line, complaint", [
    ("see /wo" + "rk/main/notes", "path of one machine"),
    ("cp /home/" + "ann/key .", "path of one machine"),
    ("from registry.np" + "mjs.org", "package registry"),
    ("// TO" + "DO: later", "unfinished"),
    ("as issue " + "#12 asks", "ticket"),
    ("a/work/b and $HOME/work/c and ${root}/tmp/x pass", None),
])
def test_words(plant, line, complaint):
    status, output = check("words", plant({"notes.md": f"first\n{line}\n"}))
    assert status == (1 if complaint else 0)
    assert not complaint or (output.startswith("notes.md:2: ") and complaint in output)


def test_an_exception_needs_a_reason_and_a_use(plant):
    root = plant({"notes.md": "TO" + "DO\n", "tools/check_exceptions.txt": "words notes.md it is quoted\n"})
    assert check("words", root)[0] == 0
    status, output = check("words", plant({"notes.md": "done\n"}))
    assert status == 1 and "nothing needs the exception" in output
    status, output = check("words", plant({"tools/check_exceptions.txt": "words notes.md\n"}))
    assert status == 1 and "REASON" in output


CPP = """
namespace caisson {
struct Plain { int a = 1; };
constexpr int kTable[] = {1, 2};
Store::Store(int a)
    : a_{a}, b_(Make({1})) {
  if (a) { Use("}"); }  // }
}
class C {
 public:
  int Short() const { return 1'000; }
  C() : x_{1}, y_{2} {}
};
template <typename T>
bool operator==(const T& a,
                const T& b) {
  const auto f = [&] { return a.x == R"({{)"[0]; };
  return f();
}
#define MACRO(x) do { \\
  x; } while (0)
TEST(Suite, Name) {
  char brace = '{';
}
}  // namespace caisson
"""


def test_cpp_functions_are_measured():
    found = {function.name: function.lines for function in check_sizes.cpp_functions(CPP)}
    assert found == {"Store::Store": 4, "Short": 1, "C": 1, "operator==": 6, "TEST": 3}


@pytest.mark.parametrize("lines, status, outcome", [
    (58, 0, "0 violations, 0 warnings"), (70, 0, "0 violations, 1 warnings"), (80, 1, "Long has 82 lines")])
def test_long_functions(plant, lines, status, outcome):
    root = plant({"src/base/a.cc": "void Long() {\n" + "  F();\n" * lines + "}\n"})
    result = check("sizes", root)
    assert result[0] == status and outcome in result[1]


def test_long_files(plant):
    assert check("sizes", plant({"src/base/a.cc": "int a;\n" * 600}))[1].count("warning") == 1
    status, output = check("sizes", plant({"src/base/a.cc": "int a;\n" * 751}))
    assert status == 1 and output.startswith("src/base/a.cc:1: the file has 751 lines")

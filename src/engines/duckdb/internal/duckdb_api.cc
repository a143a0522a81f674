#include "engines/duckdb/internal/duckdb_api.h"

#include "base/process.h"
#include "engines/loader/loader.h"

namespace caisson::duckdb {

Result<Api> Api::Load() {
  CAISSON_ASSIGN(
      const DynamicLibrary library,
      loader::OpenEngine({"duckdb", "DuckDB", {"libduckdb.so"}, "`./dev setup` fetches it"}));
  Api api;
#define CAISSON_DUCKDB_BIND(name, result, parameters) \
  CAISSON_TRY(library.Bind("duckdb_" #name, api.name));
  CAISSON_DUCKDB_FUNCTIONS(CAISSON_DUCKDB_BIND)
#undef CAISSON_DUCKDB_BIND
  return api;
}

}  // namespace caisson::duckdb

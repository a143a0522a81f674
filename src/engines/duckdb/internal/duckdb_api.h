// The part of DuckDB's C API that we call: names, types and numbers of the stable C interface, as
// documented at https://duckdb.org/docs/stable/clients/c/api. Written by hand, so that neither the
// header nor the library is needed to build.
#pragma once

#include <cstdint>

#include "base/status.h"

namespace caisson::duckdb {

// Handles. Each is a pointer to something that only the library knows.
using DatabaseHandle = struct DatabaseTag*;
using ConnectionHandle = struct ConnectionTag*;
using ConfigHandle = struct ConfigTag*;
using StatementsHandle = struct StatementsTag*;
using PreparedHandle = struct PreparedTag*;
using ChunkHandle = struct ChunkTag*;
using VectorHandle = struct VectorTag*;
using TypeHandle = struct TypeTag*;

enum State : int { kSuccess = 0, kError = 1 };

// duckdb_type.
enum class TypeId : int {
  kInvalid = 0,
  kBoolean = 1,
  kTinyInt = 2,
  kSmallInt = 3,
  kInteger = 4,
  kBigInt = 5,
  kUTinyInt = 6,
  kUSmallInt = 7,
  kUInteger = 8,
  kUBigInt = 9,
  kFloat = 10,
  kDouble = 11,
  kTimestamp = 12,
  kDate = 13,
  kTime = 14,
  kInterval = 15,
  kHugeInt = 16,
  kVarchar = 17,
  kBlob = 18,
  kDecimal = 19,
  kTimestampS = 20,
  kTimestampMs = 21,
  kTimestampNs = 22,
  kEnum = 23,
  kList = 24,
  kStruct = 25,
  kMap = 26,
  kUuid = 27,
  kUnion = 28,
  kBit = 29,
  kTimeTz = 30,
  kTimestampTz = 31,
  kUHugeInt = 32,
  kArray = 33,
  kBignum = 35,
  kSqlNull = 36,
  kTimeNs = 39,
  kGeometry = 40,
  kVariant = 41,
};

// duckdb_statement_type; only what is asked about.
inline constexpr int kSelectStatement = 1;

// duckdb_result: six words that belong to the library.
struct RawResult {
  uint64_t reserved[3];
  void* pointers[3];
};

// duckdb_string_t: up to 12 bytes stand inside, longer ones behind the pointer, after their first
// four.
struct StringCell {
  uint32_t length;
  char inlined[4];
  union {
    char inlined_rest[8];
    const char* data;
  };
  static constexpr uint32_t kInlinedBytes = 12;
};
static_assert(sizeof(StringCell) == 16);

struct HugeInt {
  uint64_t lower;
  int64_t upper;
};

// Name, result type, parameters. A loaded function is called by its name without "duckdb_".
#define CAISSON_DUCKDB_FUNCTIONS(X)                                                   \
  X(library_version, const char*, ())                                                 \
  X(create_config, State, (ConfigHandle*))                                            \
  X(set_config, State, (ConfigHandle, const char*, const char*))                      \
  X(destroy_config, void, (ConfigHandle*))                                            \
  X(open_ext, State, (const char*, DatabaseHandle*, ConfigHandle, char**))            \
  X(close, void, (DatabaseHandle*))                                                   \
  X(connect, State, (DatabaseHandle, ConnectionHandle*))                              \
  X(disconnect, void, (ConnectionHandle*))                                            \
  X(interrupt, void, (ConnectionHandle))                                              \
  X(free, void, (void*))                                                              \
  X(extract_statements, uint64_t, (ConnectionHandle, const char*, StatementsHandle*)) \
  X(extract_statements_error, const char*, (StatementsHandle))                        \
  X(destroy_extracted, void, (StatementsHandle*))                                     \
  X(prepare_extracted_statement, State,                                               \
    (ConnectionHandle, StatementsHandle, uint64_t, PreparedHandle*))                  \
  X(prepare_error, const char*, (PreparedHandle))                                     \
  X(destroy_prepare, void, (PreparedHandle*))                                         \
  X(prepared_statement_type, int, (PreparedHandle))                                   \
  X(prepared_statement_column_count, uint64_t, (PreparedHandle))                      \
  X(prepared_statement_column_name, const char*, (PreparedHandle, uint64_t))          \
  X(prepared_statement_column_logical_type, TypeHandle, (PreparedHandle, uint64_t))   \
  X(execute_prepared, State, (PreparedHandle, RawResult*))                            \
  X(execute_prepared_streaming, State, (PreparedHandle, RawResult*))                  \
  X(result_error, const char*, (RawResult*))                                          \
  X(destroy_result, void, (RawResult*))                                               \
  X(column_count, uint64_t, (RawResult*))                                             \
  X(column_name, const char*, (RawResult*, uint64_t))                                 \
  X(column_logical_type, TypeHandle, (RawResult*, uint64_t))                          \
  X(fetch_chunk, ChunkHandle, (RawResult))                                            \
  X(destroy_data_chunk, void, (ChunkHandle*))                                         \
  X(data_chunk_get_size, uint64_t, (ChunkHandle))                                     \
  X(data_chunk_get_vector, VectorHandle, (ChunkHandle, uint64_t))                     \
  X(vector_get_data, void*, (VectorHandle))                                           \
  X(vector_get_validity, uint64_t*, (VectorHandle))                                   \
  X(get_type_id, TypeId, (TypeHandle))                                                \
  X(destroy_logical_type, void, (TypeHandle*))                                        \
  X(decimal_width, uint8_t, (TypeHandle))                                             \
  X(decimal_scale, uint8_t, (TypeHandle))                                             \
  X(decimal_internal_type, TypeId, (TypeHandle))                                      \
  X(enum_internal_type, TypeId, (TypeHandle))                                         \
  X(enum_dictionary_size, uint32_t, (TypeHandle))                                     \
  X(enum_dictionary_value, char*, (TypeHandle, uint64_t))                             \
  X(list_type_child_type, TypeHandle, (TypeHandle))                                   \
  X(array_type_child_type, TypeHandle, (TypeHandle))                                  \
  X(array_type_array_size, uint64_t, (TypeHandle))                                    \
  X(map_type_key_type, TypeHandle, (TypeHandle))                                      \
  X(map_type_value_type, TypeHandle, (TypeHandle))                                    \
  X(struct_type_child_count, uint64_t, (TypeHandle))                                  \
  X(struct_type_child_name, char*, (TypeHandle, uint64_t))                            \
  X(struct_type_child_type, TypeHandle, (TypeHandle, uint64_t))

// The loaded functions. A plain table of pointers: cheap to copy, valid until the process ends,
// usable from any thread.
struct Api {
#define CAISSON_DUCKDB_MEMBER(name, result, parameters) result(*name) parameters = nullptr;
  CAISSON_DUCKDB_FUNCTIONS(CAISSON_DUCKDB_MEMBER)
#undef CAISSON_DUCKDB_MEMBER

  // NotFound when the library, or a function in it, is missing.
  static Result<Api> Load();
};

}  // namespace caisson::duckdb

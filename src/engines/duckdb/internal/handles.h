// Owners of what the library hands out.
#pragma once

#include "engines/duckdb/internal/duckdb_api.h"

namespace caisson::duckdb {

// The statements of a text, parsed.
class Statements {
 public:
  explicit Statements(const Api& api) : api_(&api) {}
  Statements(const Statements&) = delete;
  Statements& operator=(const Statements&) = delete;
  ~Statements() {
    if (handle != nullptr) api_->destroy_extracted(&handle);
  }
  StatementsHandle handle = nullptr;

 private:
  const Api* api_;
};

class Prepared {
 public:
  explicit Prepared(const Api& api) : api_(&api) {}
  Prepared(Prepared&& other) noexcept : handle(other.handle), api_(other.api_) {
    other.handle = nullptr;
  }
  Prepared& operator=(Prepared&&) = delete;
  ~Prepared() {
    if (handle != nullptr) api_->destroy_prepare(&handle);
  }
  PreparedHandle handle = nullptr;

 private:
  const Api* api_;
};

// A result, and the statement's cursor while it streams.
class QueryResult {
 public:
  explicit QueryResult(const Api& api) : api_(&api) {}
  QueryResult(const QueryResult&) = delete;
  QueryResult& operator=(const QueryResult&) = delete;
  ~QueryResult() { api_->destroy_result(&raw); }
  RawResult raw = {};

 private:
  const Api* api_;
};

class DataChunk {
 public:
  DataChunk(const Api& api, ChunkHandle chunk) : handle(chunk), api_(&api) {}
  DataChunk(const DataChunk&) = delete;
  DataChunk& operator=(const DataChunk&) = delete;
  ~DataChunk() {
    if (handle != nullptr) api_->destroy_data_chunk(&handle);
  }
  ChunkHandle handle;

 private:
  const Api* api_;
};

}  // namespace caisson::duckdb

#include "engines/duckdb/internal/types.h"

#include <utility>

#include <fmt/format.h>

namespace caisson::duckdb {
namespace {

constexpr std::pair<TypeId, const char*> kNames[] = {
    {TypeId::kBoolean, "BOOLEAN"},
    {TypeId::kTinyInt, "TINYINT"},
    {TypeId::kSmallInt, "SMALLINT"},
    {TypeId::kInteger, "INTEGER"},
    {TypeId::kBigInt, "BIGINT"},
    {TypeId::kUTinyInt, "UTINYINT"},
    {TypeId::kUSmallInt, "USMALLINT"},
    {TypeId::kUInteger, "UINTEGER"},
    {TypeId::kUBigInt, "UBIGINT"},
    {TypeId::kFloat, "FLOAT"},
    {TypeId::kDouble, "DOUBLE"},
    {TypeId::kTimestamp, "TIMESTAMP"},
    {TypeId::kDate, "DATE"},
    {TypeId::kTime, "TIME"},
    {TypeId::kInterval, "INTERVAL"},
    {TypeId::kHugeInt, "HUGEINT"},
    {TypeId::kVarchar, "VARCHAR"},
    {TypeId::kBlob, "BLOB"},
    {TypeId::kTimestampS, "TIMESTAMP_S"},
    {TypeId::kTimestampMs, "TIMESTAMP_MS"},
    {TypeId::kTimestampNs, "TIMESTAMP_NS"},
    {TypeId::kEnum, "ENUM"},
    {TypeId::kUuid, "UUID"},
    {TypeId::kUnion, "UNION"},
    {TypeId::kBit, "BIT"},
    {TypeId::kTimeTz, "TIME WITH TIME ZONE"},
    {TypeId::kTimestampTz, "TIMESTAMP WITH TIME ZONE"},
    {TypeId::kUHugeInt, "UHUGEINT"},
    {TypeId::kBignum, "BIGNUM"},
    {TypeId::kSqlNull, "\"NULL\""},
    {TypeId::kTimeNs, "TIME_NS"},
    {TypeId::kGeometry, "GEOMETRY"},
    {TypeId::kVariant, "VARIANT"},
};

std::string PlainName(TypeId id) {
  for (const auto& [known, name] : kNames) {
    if (known == id) return name;
  }
  return fmt::format("UNKNOWN({})", static_cast<int>(id));
}

}  // namespace

std::string LogicalType::Name() const {
  const auto child = [this](TypeHandle handle) { return LogicalType(*api_, handle).Name(); };
  switch (id()) {
    case TypeId::kDecimal:
      return fmt::format("DECIMAL({},{})", api_->decimal_width(handle_),
                         api_->decimal_scale(handle_));
    case TypeId::kList:
      return child(api_->list_type_child_type(handle_)) + "[]";
    case TypeId::kArray:
      return fmt::format("{}[{}]", child(api_->array_type_child_type(handle_)),
                         api_->array_type_array_size(handle_));
    case TypeId::kMap:
      return fmt::format("MAP({}, {})", child(api_->map_type_key_type(handle_)),
                         child(api_->map_type_value_type(handle_)));
    case TypeId::kStruct:
      return StructName();
    default:
      return PlainName(id());
  }
}

std::string LogicalType::StructName() const {
  std::string members;
  for (uint64_t i = 0; i < api_->struct_type_child_count(handle_); ++i) {
    char* name = api_->struct_type_child_name(handle_, i);
    members += fmt::format("{}{} {}", i == 0 ? "" : ", ", name == nullptr ? "" : name,
                           LogicalType(*api_, api_->struct_type_child_type(handle_, i)).Name());
    api_->free(name);
  }
  return "STRUCT(" + members + ")";
}

ColumnType KindOf(TypeId id) {
  switch (id) {
    case TypeId::kBoolean:
      return ColumnType::kBoolean;
    case TypeId::kTinyInt:
    case TypeId::kSmallInt:
    case TypeId::kInteger:
    case TypeId::kBigInt:
    case TypeId::kUTinyInt:
    case TypeId::kUSmallInt:
    case TypeId::kUInteger:
    case TypeId::kUBigInt:
    case TypeId::kHugeInt:
    case TypeId::kUHugeInt:
      return ColumnType::kInteger;
    case TypeId::kFloat:
    case TypeId::kDouble:
    case TypeId::kDecimal:
      return ColumnType::kDouble;
    case TypeId::kVarchar:
    case TypeId::kEnum:
      return ColumnType::kText;
    case TypeId::kTimestamp:
    case TypeId::kTimestampS:
    case TypeId::kTimestampMs:
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTz:
      return ColumnType::kTimestamp;
    case TypeId::kDate:
      return ColumnType::kDate;
    default:
      return ColumnType::kOther;
  }
}

bool IsPrintable(TypeId id) {
  if (KindOf(id) != ColumnType::kOther) return true;
  return id == TypeId::kBlob || id == TypeId::kTime || id == TypeId::kUuid ||
         id == TypeId::kSqlNull;
}

}  // namespace caisson::duckdb

#include "platform/sql/database.h"

#include <utility>

#include "base/files.h"
#include "platform/sql/internal/backup.h"
#include "platform/sql/internal/connection.h"
#include "platform/sql/internal/listeners.h"
#include "platform/sql/internal/migrations.h"
#include "platform/sql/internal/reader_pool.h"
#include "platform/sql/internal/writer.h"

namespace caisson::sql {
namespace {

// "caisson-data/main.db" is shown as "main".
std::string MetricName(const std::string& path) {
  std::string name = BaseName(path);
  return name.substr(0, name.rfind('.'));
}

}  // namespace

class Database::Impl {
 public:
  Impl(std::unique_ptr<internal::Connection> connection, const DatabaseOptions& options,
       const Clock& clock, telemetry::Registry& metrics)
      : writer_(std::move(connection), options, MetricName(options.path), clock, metrics,
                listeners_),
        readers_(options.path, options.readers) {}

  internal::Writer& writer() { return writer_; }
  internal::ReaderPool& readers() { return readers_; }
  internal::Listeners& listeners() { return listeners_; }

 private:
  internal::Listeners listeners_;
  // Goes after the readers: the last connection to close empties the log, which a read-only one
  // cannot.
  internal::Writer writer_;
  internal::ReaderPool readers_;
};

Result<std::unique_ptr<Database>> Database::Open(const DatabaseOptions& options, const Clock& clock,
                                                 telemetry::Registry& metrics) {
  CAISSON_TRY(MakeDirectories(ParentPath(options.path)));
  CAISSON_ASSIGN(std::unique_ptr<internal::Connection> connection,
                 internal::Connection::Open(options.path, internal::Connection::Mode::kWrite,
                                            options.durability));
  return std::unique_ptr<Database>(
      new Database(std::make_unique<Impl>(std::move(connection), options, clock, metrics)));
}

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Database::~Database() = default;

Status Database::Migrate(const Schema& schema) {
  return internal::Migrate(impl_->writer(), schema);
}

Status Database::Write(const Context& context,
                       const std::function<Status(Transaction&)>& function) {
  return impl_->writer().Write(context, function);
}

Status Database::Read(const Context& context, const std::function<Status(Session&)>& function) {
  return impl_->readers().Read(context, function);
}

Listener Database::Listen(std::string_view channel, std::function<void()> function) {
  internal::Listeners& listeners = impl_->listeners();
  const int64_t id = listeners.Add(channel, std::move(function));
  return Listener([&listeners, id] { listeners.Remove(id); });
}

size_t Database::queued_writes() const { return impl_->writer().queued(); }

Status Database::Ping(const Context& context) {
  return Read(context, [](Session& session) {
    return session.Query("SELECT count(*) FROM sqlite_schema", {},
                         [](const Row&) { return OkStatus(); });
  });
}

Status Database::BackupTo(const Context& context, const std::string& path) {
  return impl_->readers().WithConnection(context, [&](internal::Connection& connection) {
    return internal::BackupTo(context, connection, path);
  });
}

}  // namespace caisson::sql

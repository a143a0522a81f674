#include "platform/http/client.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/files.h"
#include "base/ids.h"

namespace caisson::http {

namespace {

constexpr long kConnectTimeoutMs = 10'000;
// How soon a cancelled or late transfer is noticed while the network is silent.
constexpr std::chrono::milliseconds kCheckInterval{50};
constexpr size_t kMaxIdleHandles = 64;

// A transfer handle and the multi handle that holds its connections; used by one call at a time.
struct Handle {
  Handle() : multi(curl_multi_init()), easy(curl_easy_init()) {}
  ~Handle() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  CURLM* const multi;
  CURL* const easy;
};

struct Target {
  std::string origin;  // scheme, host and port, for finding a handle that is connected already
  bool is_loopback = false;
};

std::string UrlPart(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return "";
  std::string copy(text);
  curl_free(text);
  return copy;
}

Result<Target> ParseTarget(const std::string& text) {
  const std::unique_ptr<CURLU, void (*)(CURLU*)> url(curl_url(), curl_url_cleanup);
  const CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0);
  const std::string scheme = UrlPart(url.get(), CURLUPART_SCHEME);
  if (code != CURLUE_OK || (scheme != "http" && scheme != "https")) {
    return InvalidArgument("'{}' is not an http:// or https:// URL", text);
  }
  const std::string host = UrlPart(url.get(), CURLUPART_HOST);
  Target target;
  target.origin =
      scheme + "://" + host + ":" + UrlPart(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  target.is_loopback = host == "localhost" || host == "[::1]" || host.starts_with("127.");
  return target;
}

bool IsSafeField(std::string_view name, std::string_view value) {
  const auto has_control = [](std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](unsigned char c) { return c < 0x20 && c != '\t'; });
  };
  return !name.empty() && name.find_first_of(": \t") == std::string_view::npos &&
         !has_control(name) && !has_control(value);
}

// One call of Send: sets the handle up, drives it, and explains how it ended.
class Transfer {
 public:
  Transfer(Handle& handle, const Context& context, const ClientRequest& request)
      : multi_(handle.multi), easy_(handle.easy), context_(context), request_(request) {}
  ~Transfer() {
    curl_multi_remove_handle(multi_, easy_);
    curl_slist_free_all(fields_);
    curl_easy_reset(easy_);
  }

  Result<ClientResponse> Run(bool is_loopback) {
    CAISSON_TRY(SetFields());
    CAISSON_TRY(SetBody());
    SetOptions(is_loopback);
    curl_multi_add_handle(multi_, easy_);
    CAISSON_ASSIGN(const CURLcode code, Drive());
    if (!callback_status_.ok()) return callback_status_;
    if (code != CURLE_OK) return Explain(code);
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    return std::move(response_);
  }

 private:
  Status SetFields() {
    for (const auto& [name, value] : request_.headers.fields()) CAISSON_TRY(AddField(name, value));
    if (!context_.trace_id().empty() && !request_.headers.Has("traceparent")) {
      CAISSON_TRY(
          AddField("traceparent", fmt::format("00-{}-{}-01", context_.trace_id(), RandomHex(8))));
    }
    if (context_.deadline() && !request_.headers.Has("X-Request-Timeout-Ms")) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          context_.TimeLeft(std::chrono::hours(24 * 365)));
      CAISSON_TRY(
          AddField("X-Request-Timeout-Ms", std::to_string(std::max<int64_t>(1, left.count()))));
    }
    // curl would add these on its own.
    if (!request_.headers.Has("Content-Type")) Suppress("Content-Type:");
    if (request_.body_file.empty() && !request_.headers.Has("Expect")) Suppress("Expect:");
    return OkStatus();
  }

  Status AddField(std::string_view name, std::string_view value) {
    if (!IsSafeField(name, value)) {
      return InvalidArgument("the header '{}' has a character that is not allowed", name);
    }
    // A semicolon is curl's way to send a field without a value.
    const std::string line =
        value.empty() ? fmt::format("{};", name) : fmt::format("{}: {}", name, value);
    fields_ = curl_slist_append(fields_, line.c_str());
    return OkStatus();
  }

  void Suppress(const char* line) { fields_ = curl_slist_append(fields_, line); }

  Status SetBody() {
    if (!request_.body_file.empty()) {
      CAISSON_ASSIGN(body_file_, OpenForReading(request_.body_file));
      CAISSON_ASSIGN(const FileInfo info, StatFile(request_.body_file));
      curl_easy_setopt(easy_, CURLOPT_UPLOAD, 1L);
      curl_easy_setopt(easy_, CURLOPT_INFILESIZE_LARGE,
                       static_cast<curl_off_t>(info.identity.size));
      curl_easy_setopt(easy_, CURLOPT_READFUNCTION, &Transfer::OnRead);
      curl_easy_setopt(easy_, CURLOPT_READDATA, this);
      curl_easy_setopt(easy_, CURLOPT_SEEKFUNCTION, &Transfer::OnSeek);
      curl_easy_setopt(easy_, CURLOPT_SEEKDATA, this);
      curl_easy_setopt(easy_, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
    } else if (!request_.body.empty() || request_.method == Method::kPost ||
               request_.method == Method::kPut || request_.method == Method::kPatch) {
      curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request_.body.size()));
      curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request_.body.data());
    }
    if (request_.method == Method::kHead) {
      curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
    } else {
      curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST,
                       std::string(MethodName(request_.method)).c_str());
    }
    return OkStatus();
  }

  void SetOptions(bool is_loopback) {
    curl_easy_setopt(easy_, CURLOPT_URL, request_.url.c_str());
    curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy_, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE, 256L << 10);
    curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_text_);
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, fields_);
    curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &Transfer::OnHeader);
    curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &Transfer::OnBody);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy_, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy_, CURLOPT_XFERINFOFUNCTION, &Transfer::OnProgress);
    curl_easy_setopt(easy_, CURLOPT_XFERINFODATA, this);
    if (is_loopback) curl_easy_setopt(easy_, CURLOPT_PROXY, "");
  }

  Result<CURLcode> Drive() {
    int running = 1;
    while (true) {
      CAISSON_TRY(context_.Check());
      CURLMcode code = curl_multi_perform(multi_, &running);
      if (code == CURLM_OK && running > 0) {
        const auto wait =
            std::chrono::ceil<std::chrono::milliseconds>(context_.TimeLeft(kCheckInterval));
        code = curl_multi_poll(multi_, nullptr, 0, static_cast<int>(wait.count()), nullptr);
      }
      if (code != CURLM_OK) return Internal("curl failed: {}", curl_multi_strerror(code));
      if (running > 0) continue;
      int left = 0;
      while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
        if (message->msg == CURLMSG_DONE) return message->data.result;
      }
      return Internal("curl ended a transfer without a result");
    }
  }

  Status Explain(CURLcode code) const {
    CAISSON_TRY(context_.Check());
    const char* const reason = error_text_[0] != '\0' ? error_text_ : curl_easy_strerror(code);
    switch (code) {
      case CURLE_URL_MALFORMAT:
      case CURLE_UNSUPPORTED_PROTOCOL:
        return InvalidArgument("'{}' is not a URL that can be requested: {}", request_.url, reason);
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_CACERT_BADFILE:
      case CURLE_SSL_CERTPROBLEM:
        return FailedPrecondition("the certificate of {} was refused: {}", request_.url, reason);
      case CURLE_OUT_OF_MEMORY:
        return ResourceExhausted("{}: {}", request_.url, reason);
      default:
        return Unavailable("{} cannot be reached: {}", request_.url, reason);
    }
  }

  static size_t OnHeader(char* data, size_t size, size_t count, void* self) {
    std::string_view line(data, size * count);
    Headers& headers = static_cast<Transfer*>(self)->response_.headers;
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    const size_t colon = line.find(':');
    if (line.starts_with("HTTP/")) {
      headers.Clear();  // of an interim answer before this one
    } else if (colon != std::string_view::npos) {
      std::string_view value = line.substr(colon + 1);
      value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
      value.remove_suffix(value.size() - (value.find_last_not_of(" \t") + 1));
      headers.Add(line.substr(0, colon), value);
    }
    return size * count;
  }

  static size_t OnBody(char* data, size_t size, size_t count, void* self) {
    Transfer& transfer = *static_cast<Transfer*>(self);
    const std::string_view piece(data, size * count);
    transfer.callback_status_ = transfer.TakeBody(piece);
    return transfer.callback_status_.ok() ? piece.size() : CURL_WRITEFUNC_ERROR;
  }

  Status TakeBody(std::string_view piece) {
    if (request_.on_body) {
      long status = 0;
      curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
      if (status >= 200 && status < 300) return request_.on_body(piece);
    }
    if (piece.size() > request_.max_body_bytes - response_.body.size()) {
      return ResourceExhausted("the answer of {} is larger than {} bytes", request_.url,
                               request_.max_body_bytes);
    }
    response_.body.append(piece);
    return OkStatus();
  }

  static size_t OnRead(char* buffer, size_t size, size_t count, void* self) {
    Transfer& transfer = *static_cast<Transfer*>(self);
    const Result<size_t> got = ReadSome(transfer.body_file_.get(), buffer, size * count);
    if (got.ok()) return *got;
    transfer.callback_status_ = WithContext(got.status(), "upload " + transfer.request_.body_file);
    return CURL_READFUNC_ABORT;
  }

  static int OnSeek(void* self, curl_off_t offset, int origin) {
    const int file = static_cast<Transfer*>(self)->body_file_.get();
    return ::lseek(file, offset, origin) < 0 ? CURL_SEEKFUNC_FAIL : CURL_SEEKFUNC_OK;
  }

  static int OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Transfer*>(self)->context_.Check().ok() ? 0 : 1;
  }

  CURLM* const multi_;
  CURL* const easy_;
  const Context& context_;
  const ClientRequest& request_;
  curl_slist* fields_ = nullptr;
  FileDescriptor body_file_;
  ClientResponse response_;
  Status callback_status_;
  char error_text_[CURL_ERROR_SIZE] = {};
};

}  // namespace

// Handles that no call uses at present, the most recently used last.
class Client::Impl {
 public:
  Impl() {
    // curl counts the calls and guards them by its own lock.
    curl_global_init(CURL_GLOBAL_DEFAULT);
  }
  ~Impl() {
    idle_.clear();
    curl_global_cleanup();
  }

  std::unique_ptr<Handle> Take(const std::string& origin) {
    {
      std::lock_guard lock(mutex_);
      const auto same = std::find_if(idle_.rbegin(), idle_.rend(),
                                     [&](const auto& entry) { return entry.first == origin; });
      if (same != idle_.rend()) {
        std::unique_ptr<Handle> handle = std::move(same->second);
        idle_.erase(std::next(same).base());
        return handle;
      }
    }
    return std::make_unique<Handle>();
  }

  void Return(const std::string& origin, std::unique_ptr<Handle> handle) {
    std::unique_ptr<Handle> oldest;  // closed after the lock is gone
    std::lock_guard lock(mutex_);
    idle_.emplace_back(origin, std::move(handle));
    if (idle_.size() <= kMaxIdleHandles) return;
    oldest = std::move(idle_.front().second);
    idle_.erase(idle_.begin());
  }

 private:
  std::mutex mutex_;
  std::vector<std::pair<std::string, std::unique_ptr<Handle>>> idle_;
};

Client::Client() : impl_(std::make_unique<Impl>()) {}

Client::~Client() = default;

Result<ClientResponse> Client::Send(const Context& context, const ClientRequest& request) {
  CAISSON_ASSIGN(const Target target, ParseTarget(request.url));
  CAISSON_TRY(context.Check());
  std::unique_ptr<Handle> handle = impl_->Take(target.origin);
  if (handle->multi == nullptr || handle->easy == nullptr) {
    return ResourceExhausted("no memory for a connection to {}", target.origin);
  }
  Result<ClientResponse> response = Transfer(*handle, context, request).Run(target.is_loopback);
  impl_->Return(target.origin, std::move(handle));
  return response;
}

}  // namespace caisson::http

// The composition root: builds every part from a data folder and hands them to one another.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/data_folder.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/status.h"
#include "platform/http/router.h"
#include "platform/http/server.h"

namespace caisson::app {

// The whole program over one data folder. Owned by a command for its length. Any thread may use the
// router; Listen and Stop are the owner's.
class Application {
 public:
  struct Options {
    std::string data_folder = "./caisson-data";
    std::string command = "caisson";  // shown to those who find the folder held
    int workers = 0;
    int io_threads = 0;
    int job_threads = 2;
    // Starts the outbox, the job runner and the controllers. Commands that only ask leave them
    // asleep.
    bool background = true;
  };

  static Result<std::unique_ptr<Application>> Open(const Options& options);
  ~Application();

  std::shared_ptr<const http::Router> router() const;
  const DataLayout& layout() const;

  // Serves on the addresses ("127.0.0.1:0" picks a port); the result is the addresses with their
  // ports. Non-loopback addresses need a token file.
  Result<std::vector<std::string>> Listen(const std::vector<std::string>& addresses,
                                          const std::string& token_file);
  // Ends everything in order; idempotent.
  void Stop();

 private:
  class Parts;
  explicit Application(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace caisson::app

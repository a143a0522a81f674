#include "app/shutdown.h"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <unistd.h>

namespace caisson::app {
namespace {

// A signal handler can reach nothing but statics; these are written before the handler is
// installed.
int read_end = -1;
int write_end = -1;
volatile std::sig_atomic_t signals_seen = 0;

void OnSignal(int) {
  if (signals_seen != 0) ::_exit(130);
  signals_seen = 1;
  const char byte = 1;
  (void)!::write(write_end, &byte, 1);
}

}  // namespace

void CatchShutdownSignals() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  read_end = ends[0];
  write_end = ends[1];
  struct sigaction action {};
  action.sa_handler = OnSignal;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
}

void WaitForShutdownSignal() {
  char byte = 0;
  while (::read(read_end, &byte, 1) < 0 && errno == EINTR) {
  }
}

}  // namespace caisson::app

// Waiting for the signal to end.
#pragma once

namespace caisson::app {

// Blocks until SIGTERM or SIGINT. A second signal after that ends the process at once with code
// 130. Call once, from main's thread.
void WaitForShutdownSignal();

}  // namespace caisson::app

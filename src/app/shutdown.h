// Waiting for the signal to end.
#pragma once

namespace caisson::app {

// From here on SIGTERM and SIGINT are remembered instead of ending the process; a second one ends
// it at once with code 130. Call once, before anything is opened that wants to be closed.
void CatchShutdownSignals();

// Blocks until one of them has come, also before this call. From main's thread.
void WaitForShutdownSignal();

}  // namespace caisson::app

// Identifiers.
#pragma once

#include <cstdint>
#include <string>

namespace caisson {

// `bytes` random bytes from the operating system as lower-case hex. RandomHex(16) is MLflow's run
// id form.
std::string RandomHex(int bytes);

// A time-ordered identifier: 48 bits of Unix milliseconds and 80 random bits in 26 characters of
// Crockford's base 32 (the ULID format), lower case. Ids made later sort later, down to the
// millisecond.
std::string NewId(int64_t unix_millis);

}  // namespace caisson

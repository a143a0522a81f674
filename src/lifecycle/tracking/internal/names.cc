#include "base/hash.h"
#include "base/strings.h"
#include "lifecycle/tracking/internal/store_impl.h"

namespace caisson::tracking::internal {
namespace {

// What bridges, harbours and the water around them have to offer.
constexpr std::string_view kFirstWords[] = {
    "amber",   "ashen",   "brisk",  "calm",   "candid", "clear",  "coral",  "crisp",
    "deft",    "dusky",   "eager",  "even",   "fabled", "firm",   "fleet",  "gentle",
    "gilded",  "hardy",   "hazel",  "honest", "ivory",  "jaunty", "keen",   "lively",
    "lofty",   "lucid",   "mellow", "merry",  "mild",   "misty",  "nimble", "noble",
    "olive",   "patient", "placid", "plucky", "quiet",  "rapid",  "russet", "sable",
    "salty",   "serene",  "silver", "sleek",  "smooth", "snug",   "sober",  "stately",
    "steady",  "still",   "sunny",  "supple", "swift",  "tidal",  "trusty", "umber",
    "valiant", "velvet",  "vivid",  "warm",   "wary",   "windy",  "witty",  "zesty"};
constexpr std::string_view kSecondWords[] = {
    "anchor",   "arch",   "auk",     "barge",   "bay",     "beacon",  "bight",   "bollard",
    "breaker",  "breeze", "buoy",    "canal",   "cape",    "capstan", "channel", "clam",
    "cove",     "crane",  "current", "cutter",  "delta",   "dock",    "dolphin", "dory",
    "dune",     "eddy",   "egret",   "eider",   "ferry",   "fjord",   "gannet",  "girder",
    "gull",     "harbor", "heron",   "inlet",   "island",  "jetty",   "keel",    "kelp",
    "ketch",    "lagoon", "limpet",  "lock",    "mooring", "mussel",  "otter",   "pelican",
    "pier",     "piling", "plover",  "pontoon", "quay",    "reef",    "rudder",  "sandbar",
    "schooner", "seal",   "skiff",   "sloop",   "span",    "tern",    "tide",    "trawler"};

}  // namespace

std::string MakeUpName(std::string_view seed_hex) {
  const uint64_t seed = Xxh3(seed_hex);
  return fmt::format("{}-{}-{}", kFirstWords[seed % std::size(kFirstWords)],
                     kSecondWords[(seed >> 16) % std::size(kSecondWords)], (seed >> 32) % 1000);
}

}  // namespace caisson::tracking::internal

// The Open Inference Protocol, version 2, over HTTP (KServe's and Triton's), with Triton's binary
// tensors.
#pragma once

#include <vector>

#include "lifecycle/serving/endpoints.h"
#include "platform/http/router.h"

namespace caisson::oip {

// An endpoint is a model to this protocol, its live versions are the model's versions. The
// endpoints outlive the routes. Every answer carries `id` (the request's, or the prediction's) and
// the parameter `prediction_id` of its first row.
std::vector<http::Route> OipRoutes(serving::Endpoints& endpoints, std::string server_version);

}  // namespace caisson::oip

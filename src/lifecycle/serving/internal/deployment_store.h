// The rows of endpoints and deployments.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lifecycle/serving/endpoints.h"
#include "platform/sql/database.h"

namespace caisson::serving::internal {

struct EndpointRow {
  std::string project;
  EndpointSpec spec;
};

Status PutEndpoint(sql::Transaction& transaction, const EndpointSpec& spec);
Status DeleteEndpoint(sql::Transaction& transaction, std::string_view project,
                      std::string_view name);
Result<std::optional<EndpointSpec>> FindEndpoint(sql::Session& session, std::string_view project,
                                                 std::string_view name);
// All of a project, or of every project when it is empty; by name.
Result<std::vector<EndpointRow>> ListEndpoints(sql::Session& session, std::string_view project);

Status InsertDeployment(sql::Transaction& transaction, std::string_view project,
                        const Deployment& deployment);
Status UpdateDeployment(sql::Transaction& transaction, const Deployment& deployment);
// Newest first.
Result<std::vector<Deployment>> ListDeployments(sql::Session& session, std::string_view project,
                                                std::string_view endpoint);

}  // namespace caisson::serving::internal

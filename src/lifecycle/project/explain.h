// Why does this answer, this endpoint, this version stand here?
#pragma once

#include <string>
#include <string_view>

#include "base/context.h"
#include "base/status.h"
#include "lifecycle/serving/endpoints.h"
#include "platform/lineage/lineage.h"
#include "platform/sql/database.h"

namespace caisson::project {

// The chain from an answer of a model back to the raw data: prediction, deployment, gate decision,
// model version, run, stage runs, code commit, dataset versions, check runs. NotFound when the id
// is unknown.
Result<lineage::Graph> ExplainPrediction(const Context& context, sql::Database& database,
                                         serving::Endpoints& endpoints,
                                         std::string_view prediction_id);
// From the endpoint: what serves there now, and all that is behind it.
Result<lineage::Graph> ExplainEndpoint(const Context& context, sql::Database& database,
                                       serving::Endpoints& endpoints, std::string_view endpoint);
// From any node of the graph, for example model_version "delay/3".
Result<lineage::Graph> ExplainNode(const Context& context, sql::Database& database,
                                   const lineage::NodeId& node);

}  // namespace caisson::project

#pragma once

#include "jetstream/api_errors.h"
#include "jetstream/api_request.h"
#include "jetstream/consumer_rules.h"

namespace weir::jetstream {

class Stream;

// The consumer half of the API (jetstream-api.md 2). Each handler runs at the home of the stream
// that the subject names and answers the request itself, errors included; the router has checked
// that the stream exists.
void HandleConsumerCreate(Stream& stream, const ApiRequest& request);  // all four forms
void HandleConsumerNames(Stream& stream, const ApiRequest& request);
void HandleConsumerList(Stream& stream, const ApiRequest& request);
void HandleConsumerInfo(Stream& stream, const ApiRequest& request);
void HandleConsumerDelete(Stream& stream, const ApiRequest& request);
void HandleConsumerPause(Stream& stream, const ApiRequest& request);
void HandleConsumerUnpin(Stream& stream, const ApiRequest& request);
void HandleConsumerReset(Stream& stream, const ApiRequest& request);

// What these say of a request before they ask for the stream: for one that does not exist.
ApiError CheckConsumerCreate(Environment& env, const ApiRequest& request);
ApiError CheckConsumerNoBody(Environment& env, const ApiRequest& request);
ApiError CheckConsumerUnpin(Environment& env, const ApiRequest& request);

// What the rules for a consumer of this stream need to know.
ConsumerRules RulesFor(Stream& stream, const AccountLimits& limits);

}  // namespace weir::jetstream

// SPDX-License-Identifier: MIT
// Making, changing and ending tokens, each inside a transaction that its caller has begun.
#pragma once

#include <string>
#include <vector>

#include "server/store/admin_store.hpp"
#include "server/store/postgres/session.hpp"

namespace opencat::postgres {

void insert_tokens(Session& session, const std::vector<TokenRecord>& tokens);
/// Whether there was one, here and below.
bool change_token(Session& session, const std::string& id_or_hash, const TokenChange& change,
                  const QuotaPeriod& period, const Limits& default_limits);
bool remove_token(Session& session, const std::string& id_or_hash, Time now);
bool restore_token(Session& session, const std::string& id_or_hash);

/// See AdminStore; several may do these at once, and nothing is done twice.
bool purge_tokens(Session& session, Time then, int most);
bool roll_up_usage(Session& session, const std::string& month, int most);

/// See AdminStore.
std::string shared_text(Session& session, const std::string& name, const std::string& if_absent);
std::string change_shared_text(Session& session, const std::string& name,
                               const AdminStore::ChangeText& change);

/// See Store.
std::chrono::seconds take_place(Session& session, const PlaceRequest& request);
/// What take_place() left that counts no more, and nodes that are long gone.
void forget_old(Session& session);

}  // namespace opencat::postgres

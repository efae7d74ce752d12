// expect: lamina: trainable::Roles: a role is named twice, or none is; name each one once, or use trainable::Nothing
#include <lamina/nn/policies.hpp>

using namespace lamina;

#ifdef LAMINA_EXPECT_FAILURE
using Trained = trainable::Roles<>;
#else
using Trained = trainable::Roles<Role::adapter, Role::norm>;
#endif
using P = Policies<adapter::FullRank, Trained>;

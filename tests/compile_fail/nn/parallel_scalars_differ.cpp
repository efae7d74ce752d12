// expect: lamina: Parallel: both layers need the same scalar types; give them the same policies
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/composition.hpp>
#include <lamina/nn/linear.hpp>
#include <lamina/nn/policies.hpp>

using namespace lamina;
using P = Policies<>;

#ifdef LAMINA_EXPECT_FAILURE
using Composition = Parallel<Linear<768, 768, P>, Linear<768, 768, Policies<precision::MixedBf16>>>;
#else
using Composition = Parallel<Linear<768, 768, P>, Linear<768, 768, P>>;
#endif

#include "compile_fail/use_layer.hpp"

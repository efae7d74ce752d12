// expect: lamina: Parallel: both layers need the same input and output widths; change one of them
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/activation.hpp>
#include <lamina/nn/layer_norm.hpp>
#include <lamina/nn/linear.hpp>
#include <lamina/nn/policies.hpp>
#include <lamina/nn/pre_norm.hpp>

using namespace lamina;
using P = Policies<>;

#ifdef LAMINA_EXPECT_FAILURE
using Composition = Parallel<Linear<768, 768, P>, Linear<768, 3072, P>>;
#else
using Composition = Parallel<Linear<768, 768, P>, Linear<768, 768, P>>;
#endif

#include "compile_fail/use_layer.hpp"

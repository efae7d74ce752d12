// expect: lamina: Residual: the inner layer must keep the width; give it equal input and output widths
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/activation.hpp>
#include <lamina/nn/layer_norm.hpp>
#include <lamina/nn/linear.hpp>
#include <lamina/nn/policies.hpp>
#include <lamina/nn/pre_norm.hpp>

using namespace lamina;
using P = Policies<>;

#ifdef LAMINA_EXPECT_FAILURE
using Composition = Residual<Linear<768, 3072, P>>;
#else
using Composition = Residual<Linear<768, 768, P>>;
#endif

#include "compile_fail/use_layer.hpp"

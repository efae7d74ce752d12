// expect: lamina: Sequential: the output width of a layer is not the input width of the next; change one of them
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/activation.hpp>
#include <lamina/nn/layer_norm.hpp>
#include <lamina/nn/linear.hpp>
#include <lamina/nn/policies.hpp>
#include <lamina/nn/pre_norm.hpp>

using namespace lamina;
using P = Policies<>;

#ifdef LAMINA_EXPECT_FAILURE
using Composition = Sequential<Linear<768, 3072, P>, Gelu<3072, P>, Linear<3702, 768, P>>;
#else
using Composition = Sequential<Linear<768, 3072, P>, Gelu<3072, P>, Linear<3072, 768, P>>;
#endif

#include "compile_fail/use_layer.hpp"

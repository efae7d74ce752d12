// expect: lamina: PreNorm: the norm's width is not the inner layer's input width; give both the same
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/activation.hpp>
#include <lamina/nn/layer_norm.hpp>
#include <lamina/nn/linear.hpp>
#include <lamina/nn/policies.hpp>
#include <lamina/nn/pre_norm.hpp>

using namespace lamina;
using P = Policies<>;

#ifdef LAMINA_EXPECT_FAILURE
using Composition = PreNorm<LayerNorm<512, P>, Linear<768, 3072, P>>;
#else
using Composition = PreNorm<LayerNorm<768, P>, Linear<768, 3072, P>>;
#endif

#include "compile_fail/use_layer.hpp"

// expect: lamina: check_model_gradient: numeric derivatives need double; use precision::Fp64
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/check_gradient.hpp>
#include <lamina/nn/gpt2.hpp>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

#ifdef LAMINA_EXPECT_FAILURE
using Model = Gpt2<tiny, precision::Fp32>;
#else
using Model = Gpt2<tiny, precision::Fp64>;
#endif

double worst(Model& model, const TokenBatch& batch) { return check_model_gradient(model, batch).worst; }

// expect: lamina: Policies: two policies answer the same question; remove one of them
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

#ifdef LAMINA_EXPECT_FAILURE
using Model = Gpt2<tiny, adapter::FullRank, precision::Fp32, adapter::Lora<64>>;
#else
using Model = Gpt2<tiny, adapter::FullRank, precision::Fp32>;
#endif

#include "compile_fail/use_model.hpp"

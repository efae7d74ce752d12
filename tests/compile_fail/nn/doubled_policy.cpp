// expect: lamina: Policies: two policies answer the same question; remove one of them
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

using namespace lamina;

#ifdef LAMINA_EXPECT_FAILURE
using Model = Gpt2<gpt2_small, adapter::FullRank, precision::Fp32, adapter::Lora<64>>;
#else
using Model = Gpt2<gpt2_small, adapter::FullRank, precision::Fp32>;
#endif

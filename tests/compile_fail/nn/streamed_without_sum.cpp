// expect: lamina: Policies: gradients::Streamed needs an adapter that is applied once per step; add one with
// execution::Merged or ::Split, or use gradients::Stored
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

using namespace lamina;

#ifdef LAMINA_EXPECT_FAILURE
using Model = Gpt2<gpt2_small, adapter::Lora<64>, gradients::Streamed, execution::Factored>;
#else
using Model = Gpt2<gpt2_small, adapter::Lora<64>, gradients::Streamed, execution::Split>;
#endif

#include "compile_fail/use_model.hpp"

// expect: lamina: device: no backend is included for this device; include <lamina/lamina.hpp> for the CPU or
// <lamina/cuda.hpp> for CUDA
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

using namespace lamina;

#ifdef LAMINA_EXPECT_FAILURE
using Model = Gpt2<gpt2_small, device::Cuda>;
#else
using Model = Gpt2<gpt2_small, device::Cpu>;
#endif

#include "compile_fail/use_model.hpp"

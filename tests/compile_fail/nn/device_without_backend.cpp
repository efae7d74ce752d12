// expect: lamina: device: no backend is included for this device; include <lamina/lamina.hpp> for the CPU or
// <lamina/cuda.hpp> for CUDA
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

using namespace lamina;

#ifdef LAMINA_EXPECT_FAILURE
using Device = device::Cuda;
#else
using Device = device::Cpu;
#endif

BackendFor<Device>* backend = nullptr;

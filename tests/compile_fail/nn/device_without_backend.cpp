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

double use_device(const TokenBatch& batch) {
    BackendFor<Device> backend;
    Gpt2<Architecture{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11}, Device> model(backend);
    model.initialise(1);
    return model.forward_backward(batch).cross_entropy.mean();
}

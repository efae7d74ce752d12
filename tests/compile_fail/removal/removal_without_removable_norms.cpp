// expect: lamina: Removal: the model has no norm that can be removed; give it norm::Removable
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/removal.hpp>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

#ifdef LAMINA_EXPECT_FAILURE
using Model = Gpt2<tiny, norm::LayerNorm>;
#else
using Model = Gpt2<tiny, norm::Removable>;
#endif

std::size_t left(const TokenBatch& batch) {
    CpuBackend backend;
    Model model(backend);
    Removal removal(model, RemovalSchedule{}, {});
    removal.calibrate(model, batch);
    removal.before_update(0);
    return removal.norms_left();
}

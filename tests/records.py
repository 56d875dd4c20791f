"""Records for tests in which it does not matter what they say."""

from typing import Any

from core.resolved import NetworkSizes, ResolvedConfig


def numbers(steps: int = 100, **changes: Any) -> ResolvedConfig:
    """The options of a tiny cgan."""
    config = ResolvedConfig(
        recipe="cgan",
        architecture="dcgan",
        objective="non_saturating",
        regulariser="none",
        conditional=True,
        conditioning="concat",
        seed=0,
        steps=steps,
        batch_size=16,
        n_critic=1,
        generator_lr=2e-4,
        discriminator_lr=2e-4,
        lr_schedule="constant",
        beta1=0.5,
        beta2=0.999,
        penalty_weight=None,
        likelihood=None,
        latent_dim=4,
        width=16,
        ema_half_life=1000,
        precision="float32",
        extractor="none",
        evaluate_images=8,
        report_every=1,
        sample_every=100,
        checkpoint_every=50,
        evaluate_every=50,
        publish_every=50,
        publish_keep=5,
        network=NetworkSizes(image_size=8, channels=1, latent_dim=4, width=16, num_classes=3),
    )
    return config.changed(**changes)


def older(resolved: ResolvedConfig, *names: str) -> ResolvedConfig:
    """As an earlier build made it, which had no such options."""
    return ResolvedConfig.model_validate({name: v for name, v in resolved.to_json().items() if name not in names})

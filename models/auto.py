"""What "auto" becomes, for those who fill in a form: rules in words, and the numbers that need no dataset.

The rules themselves: models/choice.py for the recipe, models/resolution.py for the options of `config`. docs/recipes.md
is made from this, and GET /train/schema answers with it.
"""

from typing import Any

from ganymede.schemas.specs import RunSpec, TrainConfig
from models import choice
from models.recipes import RECIPES, Recipe
from models.resolution import unsuited

DIALECT = "https://json-schema.org/draft/2020-12/schema"

RULES = {  # of the options of `config`
    "steps": "as many as see 640,000 real images",
    "batch_size": "the recipe's, or as many images as there are; as many of them as processes can share evenly",
    "conditional": "the recipe's; where it leaves it open: whether the dataset has classes",
    "architecture": "mlp for grey pictures up to 32 px, else dcgan",
    "labels_per_class": "all that there are",
    "n_critic": "the recipe's",
    "penalty_weight": "the recipe's; of r3gan size^3 / (512 * batch_size)",
    "penalty_every": "the recipe's",
    "mode_seeking": "the recipe's",
    "likelihood": "bernoulli for grey pictures, gaussian for colour",
    "augment": "none; of fewer images than 100 for each pixel of a side ada, or diffaugment with wgan-gp; not in ssgan",
    "augment_policy": "ada: translation, geometry, colour; diffaugment: colour, translation, cutout; of sounds: time",
    "generator_lr": "the recipe's",
    "discriminator_lr": "the recipe's",
    "lr_schedule": "the recipe's",
    "annealing": "the recipe's",
    "beta1": "the recipe's",
    "beta2": "the recipe's",
    "latent_dim": "the recipe's",
    "width": "the recipe's, on a GPU its gpu_width; of gan, and mlp of ssgan, less for large pictures: 2^24 weights in "
    "a layer at most",
    "ema_half_life": "312.5 steps: batch_size * n_critic * 10,000 / 32",
    "precision": "bfloat16 where the device that trains computes in it, else float32",
    "report_every": "a hundredth of the steps, 1 to 20",
    "sample_every": "a fiftieth of the steps, 25 to 250",
    "checkpoint_every": "a tenth of the steps, 50 to 500",
    "extractor": "classifier where there are two classes or more, else efficientnet-lite0 where installed, else none",
    "evaluate_every": "as many checkpoints as a twentieth of the time is enough for, settled at the first, and the end",
    "evaluate_images": "2,000, or half as many as there are images",
}


def numbers(recipe: Recipe, *, on_gpu: bool = False) -> dict[str, float | str | None]:
    """Return the default of each option of a recipe; "auto" if it depends on the dataset or the device."""
    generator_lr, discriminator_lr = recipe.learning_rates
    known: dict[str, float | str | None] = {
        "batch_size": recipe.batch_size,
        "conditional": "auto" if recipe.conditional is None else recipe.conditional,
        "n_critic": recipe.n_critic,
        "penalty_weight": "auto" if recipe.penalty_weight == "rule" else recipe.penalty_weight,
        "penalty_every": recipe.penalty_every,
        "mode_seeking": recipe.mode_seeking,
        "generator_lr": generator_lr,
        "discriminator_lr": discriminator_lr,
        "lr_schedule": recipe.lr_schedule,
        "annealing": recipe.annealing,
        "beta1": recipe.betas[0],
        "beta2": recipe.betas[1],
        "latent_dim": recipe.latent_dim,
        "width": recipe.gpu_width if on_gpu else recipe.width,
    }
    return {name: known.get(name, "auto") for name in options(recipe)}


def options(recipe: Recipe) -> list[str]:
    """Return the options of `config` that mean something to a recipe."""
    return [name for name in TrainConfig.model_fields if name not in unsuited(recipe)]


def request_schema(*, on_gpu: bool = False) -> dict[str, Any]:
    """Return the JSON Schema of the body of `POST /train`, with our keywords `recipes` and `auto`, the rules."""
    schema = {"$schema": DIALECT, **RunSpec.model_json_schema()}
    schema["properties"]["recipe"]["anyOf"][0]["enum"] = [choice.AUTO, *RECIPES]  # the other one is null
    recipes = {
        name: {
            "what": recipe.what,
            "source": recipe.source,
            "expect": recipe.expect,
            "conditional": recipe.conditional,
            "defaults": numbers(recipe, on_gpu=on_gpu),
        }
        for name, recipe in RECIPES.items()
    }
    return {**schema, "recipes": recipes, "auto": {"recipe": choice.in_words(), **RULES}}

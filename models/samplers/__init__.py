"""The painters, each a coroutine of `models.protocol`: the algorithm as its paper has it, and its targets.

`Kit.config` holds, by the names of the parts that a painter's targets list, each part's own configuration (its
config.json, or `Clip.config`), and beside a denoiser NAME its `NAME_scheduler` (a scheduler_config.json):

    unet, unet_scheduler, vae, clip       Latent
    pixel, pixel_scheduler, clip          Pixel
    prior, prior_scheduler, text_proj or movq, decoder, decoder_scheduler, clip
    upsampler, upsampler_scheduler        Unclip, and the stage that any painter may end with

A target is called as `fn(parts, *rows, **opts)`, `parts` mapping the names it lists to modules.
"""

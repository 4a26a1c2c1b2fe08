"""Words of one part of the page, as `lab.ui.words` holds them."""

WORDS: dict[str, tuple[str, str]] = {
    "models.act": ("Memory", "内存"),
    "models.hits": ("At hand", "现成"),
    "models.loads": ("Read", "读入"),
    "models.seconds": ("Seconds", "秒"),
    "models.suite": ("Suite", "套装"),
    "models.source": ("From", "来自"),
    "models.ours": ("this project", "本项目"),
    "models.here": ("this computer", "本机"),
    "models.unverified": ("not verified", "未核实"),
    "models.load": ("load", "装入"),
    "models.unload": ("put away", "收起"),
    "models.limit": ("Memory allowed", "内存上限"),
    "models.nolimit": ("no limit", "没有上限"),
    "models.loaded": ("{part} is in memory now.", "{part} 已装入内存。"),
    "models.unloaded": ("{part} is put away; whoever needs it has it read again.", "{part} 已收起，谁需要就再读入。"),
    "models.busy": (
        "{part} is in use, so it stays. Wait until the painters are done.",
        "{part} 正在使用，所以留下。请等画家们画完。",
    ),
    "models.waits": (
        "{part} waits for memory that others use. Raise the limit, or wait until they are done.",
        "{part} 在等别人正用的内存。请调高上限，或等他们用完。",
    ),
    "models.wontfit": (
        "{part} needs {need} MiB, but {have} are allowed. Raise the limit, or take other weights.",
        "{part} 需要 {need} 兆字节，上限只有 {have}。请调高上限，或换别的权重。",
    ),
    "models.wontfit.half": (
        "{part} needs {need} MiB, but {have} are allowed. Raise the limit; in half precision {half} would do.",
        "{part} 需要 {need} 兆字节，上限只有 {have}。请调高上限；改用 16 位的数只要 {half}。",
    ),
    "models.unavailable": (
        "{part} could not be read: its files are missing or broken. Fetch them again.",
        "{part} 读不出来：文件缺失或损坏。请重新获取。",
    ),
    "models.limited": ("At most {n} MiB from now on.", "从现在起最多 {n} 兆字节。"),
    "models.unlimited": ("No limit from now on.", "从现在起没有上限。"),
    "models.toolow": (
        "The largest painter alone needs {need} MiB, so the limit stays as it was. Allow that much.",
        "最大的画家一位就需要 {need} 兆字节，所以上限不变。请调高上限。",
    ),
    "models.held": (
        "{need} MiB are in use now ({parts}), so the limit stays as it was. Wait until the painters are done.",
        "现在正用着 {need} 兆字节（{parts}），所以上限不变。请等画家们画完。",
    ),
    "models.far": (
        "All visitors share this memory, so only somebody at the machine that serves this page may change what lies in "
        "it, and nobody while the page is public. Open it there, at 127.0.0.1 or localhost.",
        "这内存大家共用，所以只有在那台机器上才能改动，公开的页面谁也不能改。请在那台机器上用 127.0.0.1 打开本页。",
    ),
    "part.evicted": ("put away", "已收起"),
    "part.reading": ("being read", "正在读入"),
    "part.why": ("Its files are not here, or broken.", "文件不在这里，或已损坏。"),
    # the parts themselves
    "piece.clip": ("CLIP", "CLIP"),
    "piece.clip_robust": ("robust CLIP", "稳健的 CLIP"),
    "piece.vae": ("autoencoder", "自编码器"),
    "piece.unet": ("latent denoiser", "潜空间去噪网络"),
    "piece.pixel": ("pixel denoiser", "像素去噪网络"),
    "piece.vqgan": ("VQGAN", "VQGAN"),
    "piece.prior": ("prior", "先验"),
    "piece.text_proj": ("text projection", "文本投影"),
    "piece.decoder": ("decoder", "解码器"),
    "piece.upsampler": ("enlarger", "放大网络"),
    "piece.judge": ("judge", "裁判"),
    "piece.safety": ("safety checker", "安全检查"),
    # what may explain that a picture painted again differs
    "changed.part": ("part {name}", "部件{name}"),
    "changed.device": ("device", "设备"),
    "changed.threads": ("threads", "线程数"),
    "changed.platform": ("system", "系统"),
}

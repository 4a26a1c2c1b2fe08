"""Words of the Stable Diffusion tab, as `lab.ui.words` holds them."""

WORDS: dict[str, tuple[str, str]] = {
    "latent.drawer": ("Settings", "设置"),
    "latent.seeds": ("How many seeds", "几个种子"),
    "latent.seed": ("seed {n}", "种子 {n}"),
    "latent.steps": ("{n} steps", "{n} 步"),
    "latent.off": ("off", "关闭"),
    "latent.near": ("CLIP similarity {n}", "CLIP 相似度 {n}"),
    "latent.right": ("judge: {right} of {all} words right", "裁判：{all} 个词对了 {right} 个"),
    "latent.cost": ("asked the net {n} times, {seconds} s", "问了网络 {n} 次，{seconds} 秒"),
    "latent.say.tick": (
        "Nothing is ticked. Tick at least one in the settings.",
        "什么都没有勾选，请在设置里至少勾选一个。",
    ),
    # guidance
    "latent.tab.guidance": ("Guidance", "引导"),
    "latent.go.guidance": ("Paint the strip", "画这一排"),
    "latent.about.guidance": (
        "One seed, five times: only guidance grows, which is how closely the painter holds to the sentence. "
        "Watch the sentence come out clearer, until too much of it burns the colours.",
        "同一个种子画五次，只有引导强度在变大，也就是贴近句子的程度。看：句子越来越清楚，太强时颜色就烧坏了。",
    ),
    # schedulers
    "latent.tab.schedulers": ("Schedulers", "调度器"),
    "latent.go.schedulers": ("Paint side by side", "并排来画"),
    "latent.about.schedulers": (
        "The net only says where the noise lies; the scheduler decides how far to go. Same noise for all: with few "
        "steps they part, with more they meet, all but those that throw in chance.",
        "网络只说噪声在哪里，走多远由调度器决定。大家从同样的噪声出发：步数少时各走各的，步数多时又会合，掷骰子的除外。",
    ),
    # a picture to begin with
    "latent.file": ("Bring a picture", "带一张图片来"),
    "latent.pages": ("or a page of the storybook", "或者翻一页图画书"),
    "latent.page": ("page {n} of the storybook", "图画书第 {n} 页"),
    "latent.own": (
        "yours, {wide} × {tall}, brought to {side} × {side}",
        "你的图片，{wide} × {tall}，缩放到 {side} × {side}",
    ),
    "latent.cut": (
        "the middle of yours, {wide} × {tall}, brought to {side} × {side}",
        "你的图片（{wide} × {tall}）的正中，缩放到 {side} × {side}",
    ),
    "latent.given": ("given", "给定"),
    "latent.say.unreadable": (
        "This file cannot be read as a picture. Bring a PNG, JPEG, WebP, GIF or BMP.",
        "这个文件不是能读的图片，请换一张。",
    ),
    "latent.say.large": (
        "This picture has too many pixels. Make it smaller and bring it again.",
        "这张图片的像素太多，请缩小后再带来。",
    ),
    "latent.say.page": ("The storybook has pages 1 to {n}. Choose one.", "图画书有第 1 到第 {n} 页，请选一页。"),
    # from a sentence
    "latent.tab.text": ("From a sentence", "由句子"),
    "latent.go.text": ("Paint", "作画"),
    "latent.about.text": (
        "The painter alone, with all its settings. Say what to avoid, or paint several seeds.",
        "只有这一位画家，所有设置都在。可以说不要什么，也可以一次画几个种子。",
    ),
    "latent.avoid": ("What to avoid", "不要什么"),
    "latent.count": ("Pictures", "画几张"),
    # from a picture
    "latent.tab.image": ("From a picture", "由图片"),
    "latent.go.image": ("Paint it over", "在上面重画"),
    "latent.about.image": (
        "The picture is noised part of the way and painted on from there. Strength says how far: "
        "watch where the old picture gives way to the sentence.",
        "先给图片加一部分噪声，再从那里画下去；强度说的是加多少。看：旧图在哪里让位给句子。",
    ),
    # repaint a part
    "latent.tab.repaint": ("Repaint a part", "重画一处"),
    "latent.go.repaint": ("Repaint it", "重画这里"),
    "latent.about.repaint": (
        "Draw over what shall be new; the sentence says what the whole picture shows. "
        "The hole sees its surroundings at every step and grows to fit.",
        "把要换掉的地方涂上，句子说的是整张画。每走一步，空处都看着四周，慢慢长合。",
    ),
    "latent.hole": ("with its hole", "挖空后"),
    "latent.repainted": ("repainted", "重画后"),
    "latent.kept": (
        "outside the hole {outside} of 255 off, inside {inside}",
        "空处以外相差 {outside}（满 255），以内相差 {inside}",
    ),
    "latent.say.nohole": (
        "Nothing is drawn over. Take the brush and cover what shall be new.",
        "什么都没有涂。请用画笔盖住要换掉的地方。",
    ),
    # the hidden picture
    "latent.tab.latents": ("The hidden picture", "隐藏的画面"),
    "latent.go.latents": ("Look inside", "看看里面"),
    "latent.about.latents": (
        "What the painter really cleans of noise: a few small channels, no colours that have a name. "
        "Above them the same, developed, and what the net believes will come of it.",
        "画家真正去噪的东西：几个很小的通道，不是叫得出名字的颜色。上面是显影后的样子，以及网络相信最后会成为的样子。",
    ),
    "latent.moments": ("How many moments", "看几个时刻"),
    "latent.after": ("step {i} of {n}", "第 {i} 步，共 {n} 步"),
    "latent.noise": ("{n}% noise", "噪声 {n}%"),
    "latent.state": ("developed", "显影"),
    "latent.belief": ("believed", "相信"),
    "latent.channel": ("channel {n}", "通道 {n}"),
    # there and back
    "latent.tab.vae": ("There and back", "去了又回"),
    "latent.go.vae": ("Send it through", "送它走一趟"),
    "latent.about.vae": (
        "A picture is packed into few numbers and unpacked again. What is lost here, thin lines first, "
        "no latent painter can ever paint.",
        "把图片压成很少的数字，再还原出来。在这里丢掉的东西，细线最先，潜空间画家永远画不出来。",
    ),
    "latent.rebuilt": ("rebuilt", "还原"),
    "latent.lost": ("lost", "丢失"),
    "latent.psnr": ("PSNR {n} dB", "峰值信噪比 {n} 分贝"),
    "latent.most": (
        "at most {n} of 255 off; shown {gain} times as strong",
        "最多相差 {n}（满 255），放大 {gain} 倍显示",
    ),
    "latent.fewer": (
        "{given} numbers became {z}: {fewer} times fewer.",
        "{given} 个数字变成 {z} 个，是原来的 {fewer} 分之一。",
    ),
    "latent.gain": ("Show the difference so many times as strong", "差异放大几倍显示"),
    # two autoencoders
    "latent.tab.swap": ("Two autoencoders", "两个自编码器"),
    "latent.go.swap": ("Decode both ways", "两样显影"),
    "latent.about.swap": (
        "The net paints hidden numbers; an autoencoder makes them a picture. Here two of them read the same numbers. "
        "Shapes and places agree, since the numbers say them; print and small faces are each one's own guess.",
        "网络画的是隐藏的数字，由自编码器变成画。这里两个自编码器读同样的数字：形状和位置一致，因为数字里写着；"
        "细字和小脸则各猜各的。",
    ),
    "latent.how.swap": (
        "Here is only one autoencoder. Name a second one in {file} as {part}, with the folder or the repository it "
        "lies in, and start again: then both stand side by side.",
        "这里只有一个自编码器。请在 {file} 里用 {part} 写上第二个，给出它所在的文件夹或仓库，"
        "再重新启动，两个就会并排出现。",
    ),
    "latent.first": ("the suite's own", "本来的"),
    "latent.second": ("the second one", "第二个"),
    "latent.parted": ("where they differ", "不同之处"),
    "latent.apart": (
        "{n} of 255 apart on average; shown {gain} times as strong",
        "平均相差 {n}（满 255）；显示为 {gain} 倍",
    ),
}

"""Words of the DDPM tab, as `lab.ui.words` holds them."""

WORDS: dict[str, tuple[str, str]] = {
    "method.led": (
        "This net was taught no words. CLIP leads it to your sentence: at every step it moves the picture that the net "
        "expects (CLIP guidance on x0).",
        "这个网络没学过文字。由 CLIP 把它引向你的句子：每一步都挪动网络预想的画面。",
    ),
    "pixel.drawer": ("Settings", "设置"),
    "pixel.hint": ("Leave it empty, and the net is told nothing", "留空，就什么也不告诉网络"),
    "pixel.steps": ("{n} steps", "{n} 步"),
    "pixel.seed": ("seed {n}", "种子 {n}"),
    "pixel.cost": ("asked the net {n} times, {seconds} s", "问了网络 {n} 次，{seconds} 秒"),
    "pixel.near": ("CLIP similarity {n}", "CLIP 相似度 {n}"),
    "pixel.right": ("judge: {right} of {all} words right", "裁判：{all} 个词对了 {right} 个"),
    "pixel.say.tick": (
        "Nothing is ticked. Tick at least one in the settings.",
        "什么都没有勾选，请在设置里至少勾选一个。",
    ),
    "pixel.say.large": (
        "This picture is too large: more than forty million pixels. Give a smaller one.",
        "这张图片太大了，超过四千万像素。请换一张小一点的。",
    ),
    "pixel.say.unreadable": (
        "This file is no picture that can be opened. Try another one: a PNG or a photograph.",
        "这个文件打不开，不是图片。请换一个：PNG 或照片都行。",
    ),
    "pixel.say.unpainted": (
        "The storybook does not know what to paint here. Name one of its things, say a red cat, or give a picture of "
        "your own.",
        "图画书不知道这句话该画什么。请说一样它认识的东西，比如一只红猫，或者给一张自己的图片。",
    ),
    # there and back
    "pixel.tab.trip": ("There and back", "去与回"),
    "pixel.go.trip": ("Go there and back", "走一个来回"),
    "pixel.about.trip": (
        "The upper row lays noise over a picture until nothing of it can be seen; that takes no network at all. The "
        "middle row starts with that last noise, and the net takes it away again. Watch the lower row: what the net "
        "believes is a blur at first, and then something quite definite.",
        "上面一行给图片一点点加上噪声，直到什么也看不见，这一步不需要网络。中间一行从最后的噪声出发，由网络一点点去掉。"
        "请看下面一行：网络以为的画面起初一片模糊，后来越来越确定。",
    ),
    "pixel.row.forward": ("noise comes →", "加噪 →"),
    "pixel.row.reverse": ("← noise goes", "← 去噪"),
    "pixel.row.belief": ("what the net believes", "网络以为的画面"),
    "pixel.left": ("{n} % picture", "画面占 {n}%"),
    "pixel.given": ("yours, {width} × {height} pixels", "你的图片，{width} × {height} 像素"),
    "pixel.given.cut": (
        "yours: the middle of {width} × {height} pixels",
        "你的图片：取 {width} × {height} 像素的中间",
    ),
    "pixel.source": ("The picture", "图片"),
    "pixel.source.painted": ("painted from the sentence", "按句子画出"),
    "pixel.source.own": ("my own", "我自己的"),
    "pixel.file": ("Give a picture", "给一张图片"),
    "pixel.reach": ("How far the noise goes, in percent", "噪声走多远（百分比）"),
    "pixel.told": ("Tell the net the sentence on the way back", "回来的路上把句子告诉网络"),
    "pixel.line.gone": (
        "At the far end nothing of the picture was left, so the net had to invent one. A pixel of the two differs "
        "by {n} of 255 levels on average.",
        "走到尽头，原来的画面一点也不剩，网络只好自己想一张。两张图每个像素平均相差 {n} 级（共 255 级）。",
    ),
    "pixel.line.held": (
        "At the far end {left} % of the picture was left to hold on to. A pixel of what came "
        "back differs by {n} of 255 levels on average.",
        "走到最远处，原来的画面还剩 {left}%。回来的画面与它每个像素平均相差 {n} 级（共 255 级）。",
    ),
    # the table of noise
    "pixel.tab.schedule": ("The noise table", "噪声表"),
    "pixel.about.schedule": (
        "How much noise each of the thousand steps adds, how much of the picture is left after it, and how picture and "
        "noise compare. Tick another table: a cosine keeps small pictures alive for longer.",
        "一千步里每一步加多少噪声，加完画面还剩多少，画面与噪声谁大谁小。勾上别的表看看：余弦表让小图片活得更久。",
    ),
    "pixel.tables": ("Tables", "表"),
    "pixel.table.own": ("this net's own", "这个网络自己的"),
    "pixel.table.linear": ("linear", "直线"),
    "pixel.table.scaled": ("scaled linear", "平方直线"),
    "pixel.table.cosine": ("cosine", "余弦"),
    "pixel.plot.step": ("step t", "第几步"),
    "pixel.plot.beta": ("beta, noise added by a step, powers of ten", "β，每一步加入的噪声（10 的几次方）"),
    "pixel.plot.bar": ("alpha-bar, share of the picture that is left", "ᾱ，画面剩下的比例"),
    "pixel.plot.snr": ("signal to noise, powers of ten", "信噪比（10 的几次方）"),
    # steps
    "pixel.tab.steps": ("How many steps", "要走几步"),
    "pixel.go.steps": ("Paint side by side", "并排来画"),
    "pixel.about.steps": (
        "One net, one seed, only the number of steps differs. Watch how early the picture stops getting better while "
        "the cost goes on growing. A thousand steps take a minute or so; tick them in the settings.",
        "同一个网络，同一个种子，只有步数不同。请看画面多早就不再变好，而代价还在增长。"
        "一千步大约要一分钟，可以在设置里勾上。",
    ),
    # variance
    "pixel.tab.variance": ("How much chance", "多少随机"),
    "pixel.go.variance": ("Paint with both", "两种都画"),
    "pixel.about.variance": (
        "After each step back DDPM adds a little fresh noise: as much as beta, or as much as beta-tilde, which knows "
        "where it came from. The curves part near the picture, and there every grain is seen. Watch the grain.",
        "每退一步，DDPM 都再加一点新噪声：可以是 β，也可以是知道自己从哪里来的后验 β。"
        "两条曲线在靠近画面的地方分开，那里每一颗噪点都看得见。请看画面的颗粒。",
    ),
    "pixel.variance.beta": ("beta", "β"),
    "pixel.variance.posterior": ("beta-tilde, the posterior's", "后验的 β"),
    "pixel.grain": ("grain {n}", "颗粒 {n}"),
    "pixel.strides": ("Steps of the chain", "链的步数"),
    "pixel.plot.variance": ("variance of a step back, powers of ten", "退一步的方差（10 的几次方）"),
    "pixel.plot.back": ("steps from the picture", "离画面的步数"),
    "pixel.rows": ("How many seeds", "几个种子"),
    # samples
    "pixel.tab.samples": ("Told nothing", "什么也不说"),
    "pixel.go.samples": ("Throw the dice", "掷骰子"),
    "pixel.about.samples": (
        "No sentence at all: each picture is one throw of the dice from everything that the net has seen. Watch which "
        "things come often, and what it mixes up.",
        "一句话也不说：每张画都是从网络见过的一切里掷一次骰子。请看哪些东西常来，它又把什么弄混了。",
    ),
    "pixel.count": ("How many pictures", "几张画"),
    "pixel.scenes": (
        "The judge can read {k} of {n} as a scene of the storybook.",
        "裁判认为 {n} 张里有 {k} 张像图画书里的画面。",
    ),
}

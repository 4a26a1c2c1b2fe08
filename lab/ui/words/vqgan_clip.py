"""Words of the VQGAN+CLIP tab, as `lab.ui.words` holds them."""

WORDS: dict[str, tuple[str, str]] = {
    "vq.drawer": ("Settings", "设置"),
    "vq.further": ("Go on from here", "从这里继续"),
    "vq.stopped": (
        "Stopped. “Go on from here” goes on as if nothing had happened, even with another sentence or other switches.",
        "停下了。按“从这里继续”就像没停过一样接着走，换个句子或开关也可以。",
    ),
    "vq.steps.about": ("of each climb, and how many more to go on", "每次攀登的步数，继续时再走这么多"),
    # what hangs on the walls
    "vq.row.picture": ("The picture", "画面"),
    "vq.row.crops": ("What CLIP is shown", "CLIP 看到的"),
    "vq.row.codes": ("Its tiles, a colour each", "它的瓷砖，一砖一色"),
    "vq.codes": ("{n} different tiles", "{n} 种不同的瓷砖"),
    "vq.asked": ("as asked: {n}", "按问的：{n}"),
    "vq.fresh.crops": ("with fresh eyes: {n}", "换新眼光：{n}"),
    "vq.fresh.towers": ("the other CLIP: {n}", "另一个 CLIP：{n}"),
    "vq.lane.off": ("the whole picture", "只看整图"),
    "vq.lane.on": ("many crops", "看许多裁片"),
    "vq.lane.ordinary": ("ordinary CLIP", "普通 CLIP"),
    "vq.lane.robust": ("robust CLIP", "稳健 CLIP"),
    "vq.plot.step": ("step", "步"),
    "vq.plot.asked": ("CLIP similarity, as asked", "CLIP 相似度，按问的"),
    "vq.plot.crops": ("CLIP similarity, with fresh eyes", "CLIP 相似度，换新眼光"),
    "vq.plot.towers": ("Similarity, says the other CLIP", "另一个 CLIP 说的相似度"),
    "vq.plot.loss": ("Loss, what is climbed down", "损失，要往下走的数"),
    # crops on and off
    "vq.tab.crops": ("With and without crops", "有无裁片"),
    "vq.go.crops": ("Climb both ways", "两种方式攀登"),
    "vq.about.crops": (
        "Two climbs from the same noise: one asks CLIP about the whole picture, the other about many crops of it, "
        "each bent, tinted and holed by chance. Watch the two numbers under each picture: what CLIP says as it is "
        "asked, and what it says with fresh eyes, of eight crops that nobody climbed for.",
        "从同样的噪声出发攀登两次：一次问 CLIP 整张图，一次问它的许多裁片，每片都随机弯过、调过色、挖过洞。"
        "请看每张图下面的两个数：一个是按问的方式，一个是换新眼光，看八片没人为之攀登过的裁片。",
    ),
    "vq.end.crops": (
        "Without crops {off_asked} as asked, but {off_fresh} with fresh eyes. With crops {on_asked}, and {on_fresh}.",
        "不裁：按问的 {off_asked}，换新眼光只有 {off_fresh}。裁：{on_asked}，换新眼光 {on_fresh}。",
    ),
    # two CLIPs
    "vq.tab.towers": ("Two CLIPs", "两个 CLIP"),
    "vq.go.towers": ("Climb by both", "按两个来攀登"),
    "vq.about.towers": (
        "Same noise, same crops, only the CLIP that is asked differs: one has only ever seen pictures, the other was "
        "also trained on what fools the first. Watch what each says of the picture that was climbed for the other.",
        "同样的噪声，同样的裁片，只有被问的 CLIP 不同：一个只见过图片，另一个还专门学过什么会骗过前者。"
        "请看为一个攀登的画面，另一个怎么说。",
    ),
    "vq.end.towers": (
        "The ordinary CLIP gives its own climb {ordinary_asked}, the robust one gives it {ordinary_fresh}. The robust "
        "CLIP gives its own {robust_asked}, the ordinary one gives it {robust_fresh}.",
        "普通 CLIP 给自己的画面 {ordinary_asked}，稳健的给它 {ordinary_fresh}。"
        "稳健 CLIP 给自己的画面 {robust_asked}，普通的给它 {robust_fresh}。",
    ),
    # switches
    "vq.tab.switches": ("Every switch", "每个开关"),
    "vq.go.switches": ("Crop this picture", "裁这幅画"),
    "vq.about.switches": (
        "What may happen to a crop before CLIP sees it: all together, then each alone, four crops each. Turn the "
        "switches and strengths below and watch: what is true of the picture is still there in every crop.",
        "CLIP 看到裁片之前可能发生的事：先是全部一起，再是各自单独，每种四片。"
        "拨动下面的开关和强度看看：画面里真有的东西，每一片里都还在。",
    ),
    "vq.given": ("the picture", "画面"),
    "vq.all": ("all together", "全部一起"),
    "vq.none": ("nothing is switched on", "什么都没开"),
    "vq.switches": ("What may happen to a crop", "裁片上可以发生什么"),
    "vq.switch.smallest": ("cut", "裁剪"),
    "vq.switch.rotate": ("turn", "旋转"),
    "vq.switch.shift": ("shift", "平移"),
    "vq.switch.perspective": ("bend", "透视"),
    "vq.switch.flip": ("mirror", "镜像"),
    "vq.switch.colour": ("tint", "调色"),
    "vq.switch.noise": ("noise", "噪声"),
    "vq.switch.erase": ("holes", "挖洞"),
    # tiles
    "vq.tab.tiles": ("Tiles", "瓷砖"),
    "vq.go.tiles": ("Lay it in tiles", "拼成瓷砖"),
    "vq.about.tiles": (
        "All that this painter can paint is laid of tiles that it learned by heart. Here a picture becomes the list of "
        "its tiles, a colour each, and is put together again from that list alone. Watch what gets lost: what there "
        "is no tile for.",
        "这位画家能画的，都是用它记住的瓷砖拼成的。这里把一张图变成瓷砖的清单，一砖一色，再只凭清单拼回来。"
        "请看丢了什么：没有那种瓷砖的东西。",
    ),
    "vq.tiles.picture": ("the picture", "画面"),
    "vq.tiles.codes": ("its tiles", "它的瓷砖"),
    "vq.tiles.again": ("put together again", "重新拼好"),
    "vq.tiles.counts": (
        "{count} tiles, {used} of them different, out of {known}",
        "{count} 块瓷砖，其中 {used} 种不同，共有 {known} 种可选",
    ),
    "vq.tiles.psnr": ("PSNR {n} dB", "峰值信噪比 {n} 分贝"),
    # where to begin
    "vq.begin.noise": ("noise", "噪声"),
    "vq.begin.codes": ("random tiles", "随机瓷砖"),
    "vq.begin.picture": ("a picture of mine", "我的图片"),
    "vq.file": ("Give a picture", "给一张图片"),
    "vq.own": ("Your picture, at {width} × {height} pixels.", "你的图片，缩放到 {width} × {height} 像素。"),
    "vq.own.cut": (
        "The middle of your picture, at {width} × {height} pixels.",
        "取你图片的中间，缩放到 {width} × {height} 像素。",
    ),
    "vq.negative": ("What to climb away from", "要远离什么"),
    "vq.negative.hint": ("a blue boat", "一艘蓝色的小船"),
    # messages
    "vq.say.nofile": (
        "There is no picture to begin with yet. Give one below, or begin with noise.",
        "还没有可以开始的图片。请在下面给一张，或者从噪声开始。",
    ),
    "vq.say.unreadable": (
        "This file is no picture that can be opened. Try another one: a PNG or a photograph.",
        "这个文件打不开，不是图片。请换一个：PNG 或照片都行。",
    ),
    "vq.say.large": (
        "This picture is too large: more than forty million pixels. Give a smaller one.",
        "这张图片太大了，超过四千万像素。请换一张小一点的。",
    ),
    "vq.say.nothing": (
        "Nobody has climbed here yet. Press the dark button first.",
        "这里还没有人攀登过。请先按深色的按钮。",
    ),
    "vq.say.norobust": (
        "This suite has no robust CLIP, so there are no two to compare. Choose one that has.",
        "这一套里没有稳健的 CLIP，没法比较两个。请换一套权重。",
    ),
    "vq.say.far": (
        "It has already climbed {n} steps, and a thousand are the most. Begin anew, or give fewer steps.",
        "已经走了 {n} 步，最多一千步。请重新开始，或者少给几步。",
    ),
}

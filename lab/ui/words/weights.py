"""Words about weights, licences and safety, as `lab.ui.words` holds them."""

WORDS: dict[str, tuple[str, str]] = {
    "suites.about": (
        "The same painters run on other weights: small ones that come with this page, and large ones from a hub.",
        "同样的画家可以用不同的权重：随本页附带的小权重，和从网上仓库取来的大权重。",
    ),
    "suites.now": ("Now this page runs on", "现在本页使用的是"),
    "suites.state.ready": ("Ready", "就绪"),
    "suites.state.fetch": ("To be fetched", "可以获取"),
    "suites.state.byhand": ("To be fetched by hand", "需要手动获取"),
    "suites.state.impossible": ("Not possible here", "这里不行"),
    "needs": ("What one picture will need, before it is painted:", "画一张之前就知道要用多少内存："),
    "needs.line": (
        "{painter}: {need} of memory, {weights} of it weights and {work} to work in.",
        "{painter}：内存 {need}，其中权重 {weights}，工作时 {work}。",
    ),
    "needs.free": ("There is no limit.", "没有上限。"),
    "needs.fits": ("It fits into the {budget} that are allowed.", "在允许的 {budget} 之内。"),
    "needs.over": (
        "That is more than the {budget} that are allowed, so it is refused. {would}",
        "超过了允许的 {budget}，所以不画。{would}",
    ),
    "memory.needs": (
        "A run needs {need} of memory, {weights} of it weights; {budget} are allowed.",
        "作画一次要内存 {need}，其中权重 {weights}，上限是 {budget}。",
    ),
    "say.large": (
        "It needs {need} of memory, and {budget} are allowed. {would}",
        "它要内存 {need}，上限是 {budget}，请改一改：{would}",
    ),
    "fits.fewer": (
        "Its weights alone fit: choose fewer or smaller pictures, for which {bytes} are left.",
        "权重放得下：请少画几张或画小一些，还剩 {bytes}。",
    ),
    "fits.half": (
        "Its weights alone are too large, so fewer pictures do not help; in half precision it would take {bytes}.",
        "权重就放不下，少画几张也没有用。请改用 16 位的数，只要 {bytes}。",
    ),
    "fits.neither": (
        "Its weights alone are too large, so fewer pictures do not help; the largest are {parts}. Raise the limit, or "
        "take other weights.",
        "权重就放不下，少画几张也没有用。最大的是{parts}。请调高上限，或换别的权重。",
    ),
    "fits.part": ("{part} with {bytes}", "{part}（{bytes}）"),
    "suites.weigh": ("its weights take {weights} of memory", "权重占内存 {weights}"),
    "suites.needs": ("a run takes {n} of memory, {weights} of it weights", "作画一次占内存 {n}，其中权重 {weights}"),
    "suites.giga": ("{n} GB", "{n} 吉字节"),
    "suites.mega": ("{n} MB", "{n} 兆字节"),
    "suites.guide": ("(as the eye that leads pixel painter and optimiser)", "（作为引导像素画家和优化器的眼睛）"),
    "suites.fetch": ("About {n} to fetch. Read the licences first.", "大约要获取 {n}。请先读许可证。"),
    "suites.guard.with": (
        "With it comes the safety checker, {n} of that, {licence}: pictures are shown to everybody under it alone.",
        "其中 {n} 是一同取来的安全检查器（{licence}）：对所有人开放的页面必须有它。",
    ),
    "suites.guard.alone": (
        "Its safety checker is not here: {n}, {licence}. Pictures are shown to everybody under it alone.",
        "这里还没有它的安全检查器：{n}（{licence}）。对所有人开放的页面必须有它。",
    ),
    "suites.byhand": (
        "These weights are on no hub. Open their page, save the files, and the command does the rest.",
        "这些权重不在仓库里。请打开它们的网页保存文件，其余由命令完成。",
    ),
    "suites.memory": (
        "A run takes {need} of memory, {weights} of it weights; here are {have}.",
        "作画一次要内存 {need}，其中权重 {weights}，这里只有 {have}。",
    ),
    "suites.disk": (
        "To fetch it takes {need}; the disk has {have} free.",
        "获取它要 {need}，磁盘只剩 {have}。",
    ),
    "suites.offline": (
        "It is not here, and this machine is told not to go online.",
        "它不在这里，而这台机器被设为不上网。",
    ),
    "suites.own": (
        "What {file} names does not go with it: {wrong}. Mend the file, then open this tab again.",
        "它用不了 {file} 里写的：{wrong}。请改好那个文件，再打开这一页。",
    ),
    "suites.unpinned": (
        "Nobody has pinned these files yet, so they are not shown to the public.",
        "这些文件还没有人锁定，所以不对公众开放。",
    ),
    "suites.conditions": ("Licences and how to get it", "许可证和获取方法"),
    "suites.inferred": (
        "No page showed these names of files, so they are not verified; what cannot be had is tried as an older file:",
        "这些文件名在哪个网页上都没有见到，未核实；取不到时就取旧的文件：",
    ),
    "suites.page": ("Save the files from:", "从这里保存文件："),
    "suites.command": ("To fetch it, accepting these licences:", "接受这些许可证并获取："),
    "suites.run": ("To run it:", "运行它："),
    "suites.here": ("This page paints with it.", "本页正在用它作画。"),
    "suites.paint": ("Paint with it", "用它作画"),
    "suites.opening": ("A page with these weights is being put up ...", "正在准备用这些权重的页面……"),
    "suites.accept": ("I accept these licences", "我接受这些许可证"),
    "suites.get": ("Fetch", "获取"),
    "suites.stop": ("Stop", "停止"),
    "suites.unaccepted": (
        "Read the licences first, and say that you accept them. Nothing was fetched.",
        "请先读许可证，并表示接受。什么都没有获取。",
    ),
    "suites.busy": ("Something is being fetched already. One after the other.", "已经在获取别的了，请一个一个来。"),
    "suites.far": (
        "Only somebody at the machine that serves this page may fetch, since it fills that machine's disk and line. "
        "Open the page there, at 127.0.0.1 or localhost, or run the command in a shell there.",
        "获取会占用运行本页的那台机器的磁盘和网络，所以只有在那台机器上才能开始。"
        "请在那台机器上用 127.0.0.1 打开本页，或在命令行运行那条命令。",
    ),
    "suites.lost": (
        "The weights that this link paints with are not here, and a link alone fetches none. Open the first page, get "
        "them in its Models tab, then open the link again.",
        "这个链接要用的权重不在这里，只打开链接不会去获取。请打开第一页，在“模型”页获取，然后再打开这个链接。",
    ),
    "suites.first": ("To the first page", "打开第一页"),
    "suites.refused": (
        "That is not done on this page: these weights are not here, or not for everybody to use.",
        "本页不这样做：这些权重不在这里，或者不对所有人开放。",
    ),
    "weights": ("Weights", "权重"),
    "weights.classroom": ("Classroom", "教室"),
    "weights.full": ("Full", "完整"),
    "fetch.progress": ("{part} ({nth} of {of}): {file}", "{part}（第 {nth} 个，共 {of} 个）：{file}"),
    "fetch.bytes": ("{done} of {total}", "{done} / {total}"),
    "fetch.stopping": ("It stops with the next bytes that arrive.", "下一批数据到达后就停止。"),
    "fetch.done": ("All of it is here. Paint with it.", "全部到齐，可以用它作画了。"),
    "fetch.stopped": (
        "Stopped. What has arrived is kept: fetch again to go on from there.",
        "已停止。到了的会留着，再点获取就接着来。",
    ),
    "fetch.gated": (
        "{repo} is gated: open {page}, accept its conditions there, and start this app with a token in HF_TOKEN.",
        "{repo} 需要申请：打开 {page} 接受它的条件，再用变量 HF_TOKEN 里的令牌启动本程序。",
    ),
    "fetch.token": (
        "{repo} refuses the token in HF_TOKEN. Make a new one that may read, and start this app with it.",
        "{repo} 不接受 HF_TOKEN 里的令牌。请新建一个可读的令牌，再启动本程序。",
    ),
    "fetch.absent": (
        "{repo} is not to be seen at {host}. It is gone, or private: open {page} and look.",
        "在 {host} 看不到 {repo}。它不在了，或者是私有的，请打开 {page} 看看。",
    ),
    "fetch.revision": (
        "{repo} has no revision {revision} any more. Whoever keeps this project has to pin the present one.",
        "{repo} 已没有版本 {revision}，请维护本项目的人锁定现在的版本。",
    ),
    "fetch.file": (
        "{repo} has no file {file}. Its owner may have moved it: look at {page}.",
        "{repo} 里没有文件 {file}，可能被移走了，请看 {page}。",
    ),
    "fetch.server": (
        "{host} answers with {status}. Try again later, or name a mirror in HF_ENDPOINT.",
        "{host} 回答了 {status}。请稍后再试，或用 HF_ENDPOINT 指定镜像。",
    ),
    "fetch.network": (
        "{host} cannot be reached. What has arrived is kept: fetch again when the network is back.",
        "连不上 {host}。到了的会留着，网络恢复后再点获取。",
    ),
    "fetch.cut": (
        "{file} broke off before its end. What has arrived is kept: fetch again to go on from there.",
        "{file} 没传完就断了。到了的会留着，再点获取就接着来。",
    ),
    "fetch.offline": (
        "This machine is told not to go online (HF_HUB_OFFLINE), so nothing is fetched.",
        "这台机器被设为不上网（HF_HUB_OFFLINE），所以不获取。",
    ),
    "fetch.disk": (
        "{file} does not fit on the disk. Make room, or name another place in QUARTET_HOME.",
        "磁盘放不下 {file}。请腾出地方，或用 QUARTET_HOME 指定别处。",
    ),
    "fetch.shut": (
        "{file} cannot be written into its folder. Let this user write there, or name another place in QUARTET_HOME.",
        "{file} 写不到它的文件夹里。请允许当前用户在那里写入，或用 QUARTET_HOME 指定别处。",
    ),
    "fetch.hash": (
        "{file} is not the file that was asked for, so it was not kept. Try again, or do not use this source.",
        "{file} 不是要的那个文件，所以没有保留。请再试一次，或者不用这个来源。",
    ),
    "fetch.unsafe": (
        "{file} is no place inside a folder, so it is never fetched.",
        "{file} 不是文件夹里的位置，所以从不获取。",
    ),
    "fetch.foul": (
        "{file} holds something that is not opened here, so it is not used.",
        "{file} 里有这里不打开的东西，所以不用它。",
    ),
    "fetch.byhand": (
        "{part} is on no hub. Save its files by hand, as the licences say where, and fetch again.",
        "{part} 不在仓库里。请按许可证处写的网页手动保存文件，再点获取。",
    ),
    "fetch.wrong": (
        "{part} cannot be made ready: {why}.",
        "{part}用不了：{why}。",
    ),
    "fetch.broken": (
        "Fetching broke off, and it was not your doing. The log of this app says why.",
        "获取中断了，不是你的错。原因写在本程序的日志里。",
    ),
    "hint.foreign": (
        "These large models read English alone; Chinese means next to nothing to them.",
        "这些大模型只读得懂英文，中文对它们几乎没有意义。",
    ),
    "hint.english": ("The same in English:", "同样意思的英文："),
    "say.covered": (
        "Covered {n}: the safety checker took it for something that is not shown. Try another seed or other words.",
        "遮住了 {n} 张：安全检查认为不宜展示。请换一个种子或换一句话。",
    ),
    "licence.free": ("Free to use, change and pass on.", "可以自由使用、修改和转发。"),
    "licence.rail": (
        "Free to use, also to earn with; a list of harmful uses is forbidden.",
        "可以自由使用，也可以用来赚钱；但禁止一系列有害用途。",
    ),
    "licence.stability": (
        "For research and without profit. Who earns with it asks its makers first.",
        "只用于研究和非营利。想用它赚钱，请先问作者。",
    ),
    "licence.unknown": (
        "Nobody has verified a licence. Ask before you show it to others.",
        "许可证未经核实。给别人用之前请先问清楚。",
    ),
}

// How long a page's thread was really at work at a stretch: processor time, which a busy machine does not stretch.

/** Does something and returns the longest task of this page's thread meanwhile, in milliseconds of processor time. */
export async function longestTask(page, what) {
  const cdp = await page.context().newCDPSession(page);
  const tasks = [];
  const threads = new Set();
  cdp.on("Tracing.dataCollected", ({ value }) => {
    for (const { name, pid, tid, tdur, args } of value) {
      if (name === "thread_name" && args.name === "CrRendererMain") threads.add(`${pid}/${tid}`);
      else if (/(^|::)RunTask$/.test(name)) tasks.push({ thread: `${pid}/${tid}`, took: (tdur ?? 0) / 1000 });
    }
  });
  const traceConfig = { includedCategories: ["toplevel", "disabled-by-default-devtools.timeline"], excludedCategories: ["*"] };
  await cdp.send("Tracing.start", { traceConfig, transferMode: "ReportEvents" });
  const result = await what();
  const complete = new Promise((resolve) => cdp.once("Tracing.tracingComplete", resolve));
  await cdp.send("Tracing.end");
  await complete;
  await cdp.detach();
  const ours = tasks.filter(({ thread }) => threads.has(thread)).map(({ took }) => took);
  if (ours.length === 0) throw new Error("no task was seen");
  return { result, longest: ours.reduce((most, took) => Math.max(most, took), 0), tasks: ours.length };
}

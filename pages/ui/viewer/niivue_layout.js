// Where the planes stand on the canvas, and what keys, wheel and fingers do on them: one plane large and two small
// beside it, a lightbox of many slices of one plane, one plane on the whole screen, slices, zoom.
// Where it is not told otherwise, NiiVue counts mm along the edges of the image: oblique, it is as if it lay straight.
(() => {
  "use strict";
  const AXIAL = 0, CORONAL = 1, SAGITTAL = 2, PLANES = 3, RENDER = 4;
  const AXIS = { [AXIAL]: 2, [CORONAL]: 1, [SAGITTAL]: 0 };
  const NAME = { [AXIAL]: "axial", [CORONAL]: "coronal", [SAGITTAL]: "sagittal" };
  const PAD_PX = 6, LEAST = 0.5, STEPS = 60;     // a small plane has at least half the large one's scale
  const SLICES = 24, EDGE = 0.06, MOST_COLUMNS = 10;
  const STEP_MM = 10, ZOOM = 1.25, MOST_ZOOM = 10;
  const CROSS_DRAG = 8, PAN_DRAG = 3;            // NiiVue's numbers
  const CROSS_MM = 0.5, CROSS_PX = 1.3;          // thinner than a pixel it is not drawn everywhere
  const LARGE = "tierscope-large-plane";
  const remembered = (change) => { try { return change(window.localStorage); } catch { return null; } };
  let lightbox = false, whole = false, pointed = null;
  let large = Number(remembered((store) => store.getItem(LARGE)) ?? AXIAL);
  if (!(large in AXIS)) large = AXIAL;
  let looked = null;                             // the plane that was looked at alone, until another is made large

  let head = null;                               // where it lies, as browser_image.py finds it
  window.tierscopeLightbox = (on, place) => {
    lightbox = Boolean(on);
    head = place ?? null;
    document.documentElement.toggleAttribute("data-lightbox", lightbox);  // no slice is left for buttons to change
  };
  // Told with every message, also where a newer one comes before it is drawn.
  window.tierscopeAsked = ({ view_mode: mode, lightbox: many }) => {
    const plane = Object.keys(NAME).find((one) => NAME[one] === mode);
    if (plane !== undefined) looked = Number(plane);
    else if (mode === "multiplanar" && !many) looked = null;
  };
  window.tierscopeIsLightbox = () => lightbox;
  let spacing = 0;                               // of the lightbox's slices, as a share of the image
  window.tierscopeNearest = (slice, at) => Math.abs(slice - at) <= spacing / 2;

  const edges = (plane, [x, y, z]) => (plane === AXIAL ? [x, y] : plane === CORONAL ? [x, z] : [y, z]);
  const boxed = () => looked ?? large;           // the plane of the lightbox
  const others = (plane) => [AXIAL, SAGITTAL, CORONAL].filter((one) => one !== plane);
  const scaled = ([wide, high], scale) => [wide * scale, high * scale];

  // ---- layout --------------------------------------------------------------------------------------

  // The large plane beside (or above) the two small ones, in the proportion that covers most of the canvas: what the
  // large one covers counts double, else that of few thick slices would be no larger than the others.
  function threePlanes(plane, size, wide, high, pad) {
    const big = edges(plane, size), [one, two] = others(plane).map((other) => edges(other, size));
    const most = Math.min(wide / big[0], high / big[1]), area = ([w, h]) => w * h;
    let best = null;
    for (let step = 1; step <= STEPS; step++) {
      const scale = (most * step) / STEPS, left = wide - scale * big[0] - pad, below = high - scale * big[1] - pad;
      const beside = Math.min(left / Math.max(one[0], two[0]), (high - pad) / (one[1] + two[1]), scale);
      const under = Math.min(below / Math.max(one[1], two[1]), (wide - pad) / (one[0] + two[0]), scale);
      for (const [small, across] of [[beside, true], [under, false]]) {
        const covered = 2 * area(big) * scale ** 2 + (area(one) + area(two)) * small ** 2;
        if (small >= LEAST * scale && covered > (best?.covered ?? 0)) best = { scale, small, across, covered };
      }
    }
    if (!best) return [];
    const first = scaled(big, best.scale), [upper, lower] = [one, two].map((edge) => scaled(edge, best.small));
    const box = best.across
      ? [first[0] + pad + Math.max(upper[0], lower[0]), Math.max(first[1], upper[1] + pad + lower[1])]
      : [Math.max(first[0], upper[0] + pad + lower[0]), first[1] + pad + Math.max(upper[1], lower[1])];
    const [x, y] = [(wide - box[0]) / 2, (high - box[1]) / 2];
    const [second, third] = best.across
      ? [[x + first[0] + pad, y], [x + first[0] + pad, y + upper[1] + pad]]
      : [[x, y + first[1] + pad], [x + upper[0] + pad, y + first[1] + pad]];
    const names = [plane, ...others(plane)];
    return [[x, y, ...first], [...second, ...upper], [...third, ...lower]]
      .map((position, at) => ({ sliceType: names[at], position }));
  }

  // About SLICES slices of one plane, as far apart, from one end of the head to the other.
  function manySlices(view, plane, size, wide, high, pad) {
    const [w, h] = edges(plane, size);
    let best = null;
    for (let columns = 2; columns <= MOST_COLUMNS; columns++) {
      const scale = (wide - (columns - 1) * pad) / columns / w, rows = Math.floor((high + pad) / (h * scale + pad));
      const off = Math.abs(rows * columns - SLICES);
      if (rows && off < (best?.off ?? Infinity)) best = { columns, rows, scale, off };
    }
    if (!best) return [];
    const { columns, rows, scale } = best, count = columns * rows, axis = AXIS[plane];
    const top = (high - rows * (h * scale + pad) + pad) / 2;
    const [low, end] = [head?.low[axis] ?? 0, head?.high[axis] ?? 1];
    const through = (at) => {
      const along = [0.5, 0.5, 0.5];
      along[axis] = low + (end - low) * (EDGE + ((1 - 2 * EDGE) * at) / Math.max(count - 1, 1));
      return along;
    };
    spacing = through(1)[axis] - through(0)[axis];
    const [from, to] = [0, count - 1].map((at) => view.frac2mm(through(at), 0, true)[axis]);
    window.tierscopeSlices?.(NAME[plane], count, from, to);
    return Array.from({ length: count }, (_, at) => {
      const along = through(at);
      const column = at % columns, row = Math.floor(at / columns);
      return {
        sliceType: plane, sliceMM: view.frac2mm(along)[axis],
        position: [column * (w * scale + pad), top + row * (h * scale + pad), w * scale, h * scale],
      };
    });
  }

  // Tells NiiVue where to draw what; null where it knows by itself: a single plane, and 3D.
  window.tierscopeArrange = (view) => {
    view.customLayout = null;
    if (!lightbox) window.tierscopeSlices?.();
    if (view.opts.crosshairWidth) view.opts.crosshairWidth = CROSS_MM;  // NiiVue's page sets its own again and again
    if (view.opts.sliceType !== PLANES || !view.volumes.length) return;
    const { width, height } = view.gl.canvas, pad = PAD_PX * (view.uiData.dpr || 1), size = view.sliceScale().volScale;
    const tiles = lightbox
      ? manySlices(view, boxed(), size, width, height, pad)
      : whole
        ? [{ sliceType: large, position: [0, 0, width, height] }]
        : threePlanes(large, size, width, height, pad);
    view.customLayout = tiles.map(({ position: [x, y, w, h], ...tile }) => ({
      ...tile, position: [x / width, y / height, (w / width) * 0.9999, (h / height) * 0.9999] }));
    if (view.opts.crosshairWidth && tiles.length) view.opts.crosshairWidth = Math.max(CROSS_MM, CROSS_PX / scaleOf(view, tiles));
  };

  // Pixels a millimetre of the smallest plane.
  function scaleOf(view, tiles) {
    const [from, to] = [view.frac2mm([0, 0, 0]), view.frac2mm([1, 1, 1])];
    const extent = [0, 1, 2].map((axis) => Math.abs(to[axis] - from[axis]) || 1);
    return Math.min(...tiles.map(({ sliceType, position }) => position[2] / edges(sliceType, extent)[0]));
  }

  // ---- slices, planes, zoom ------------------------------------------------------------------------

  const single = ({ opts }) => opts.sliceType in AXIS;
  const active = (view) => (single(view) ? view.opts.sliceType : lightbox ? boxed() : whole ? large : pointed ?? large);

  function step(view, slices) {
    const by = [0, 0, 0];
    by[AXIS[active(view)]] = slices;
    view.moveCrosshairInVox(...by);
  }

  function stepMm(view, sign) {
    const spacing = view.volumes[0].pixDimsRAS[AXIS[active(view)] + 1] || 1;
    step(view, sign * Math.max(1, Math.round(STEP_MM / spacing)));
  }

  function anotherPlane(view, by) {
    if (single(view) || view.opts.sliceType === RENDER) return false;
    const round = [AXIAL, CORONAL, SAGITTAL];
    large = round[(round.indexOf(lightbox ? boxed() : large) + by + 3) % 3];
    looked = null;
    pointed = null;
    remembered((store) => store.setItem(LARGE, large));
    view.drawScene();
    return true;
  }

  // Around the cross hair; at 1 all is seen again.
  function zoomTo(view, zoom) {
    if (view.opts.sliceType === RENDER || lightbox) return false;
    const pan = view.scene.pan2Dxyzmm, to = Math.min(Math.max(zoom, 1), MOST_ZOOM);
    if (to === 1) view.scene.pan2Dxyzmm = [0, 0, 0, 1];
    else {
      const at = view.frac2mm(view.scene.crosshairPos);
      view.scene.pan2Dxyzmm = [0, 1, 2].map((axis) => pan[axis] + (pan[3] - to) * at[axis]).concat(to);
    }
    view.drawScene();
    return true;
  }

  // Puts the cross hair on a place in mm of the scan's space; where planes are zoomed, that comes to their middle.
  window.tierscopeGoTo = (view, place) => {
    view.scene.crosshairPos = view.mm2frac(place, 0, true);
    const zoom = view.scene.pan2Dxyzmm[3], middle = view.frac2mm([0.5, 0.5, 0.5]);
    const at = view.frac2mm(view.scene.crosshairPos);
    if (zoom > 1) view.scene.pan2Dxyzmm = [0, 1, 2].map((axis) => middle[axis] - zoom * at[axis]).concat(zoom);
    view.createOnLocationChange();
    if (!whole && !inSight()) window.frameElement?.scrollIntoView({ block: "center" });
  };

  const zoomBy = (view, factor) => zoomTo(view, view.scene.pan2Dxyzmm[3] * factor);

  // ---- the whole screen ----------------------------------------------------------------------------

  // The frame covers the page; of several images the first one does.
  function wholeScreen(view, on) {
    const own = window.frameElement, first = own?.ownerDocument.querySelector("iframe[title*=niivue]");
    if (!own || own !== first || on === whole) return false;
    if (on) large = single(view) ? large : active(view);
    whole = on;
    own.classList.toggle("ts-whole", on);
    document.documentElement.toggleAttribute("data-whole", on);
    view.drawScene();
    return true;
  }

  const inSight = () => {
    const { top, bottom } = window.frameElement.getBoundingClientRect();
    return Math.min(bottom, window.parent.innerHeight) - Math.max(top, 0) > (bottom - top) / 2;
  };

  const KEYS = {
    ArrowUp: (view) => step(view, 1), ArrowDown: (view) => step(view, -1),
    PageUp: (view) => stepMm(view, 1), PageDown: (view) => stepMm(view, -1),
    ArrowLeft: (view) => anotherPlane(view, -1), ArrowRight: (view) => anotherPlane(view, 1),
    "+": (view) => zoomBy(view, ZOOM), "=": (view) => zoomBy(view, ZOOM), "-": (view) => zoomBy(view, 1 / ZOOM),
    "*": (view) => zoomTo(view, 1),
    f: (view) => wholeScreen(view, !whole), Escape: (view) => wholeScreen(view, false),
  };
  const ACROSS = /^Arrow(Left|Right)$/, CHOOSING = "[role=radio], [role=tab], [role=slider], [role=separator]";
  const OPEN = "[role=listbox], [role=dialog], [role=menu], [data-testid=stPopoverBody]";

  // Takes a key that was pressed anywhere on the page; true where it was for the image.
  window.tierscopeKey = (view, event, byPointer) => {
    const act = KEYS[event.key] ?? KEYS[event.key?.toLowerCase()];
    if (!act || (event.repeat && event.key.toLowerCase() === "f")) return false;
    const choosing = !byPointer && ACROSS.test(event.key) && event.target.closest?.(CHOOSING);
    if (choosing || event.target.closest?.(OPEN)) return false;
    return (whole || inSight()) && act(view) !== false;
  };

  // ---- mouse and fingers ---------------------------------------------------------------------------

  window.tierscopeHands = (view) => {
    view.opts.mouseEventConfig = {
      leftButton: { primary: CROSS_DRAG, withShift: PAN_DRAG }, rightButton: view.opts.dragMode, centerButton: PAN_DRAG };
    view.handlePinchZoom = (event) => pinch(view, event);
    keepCrossHair(view);
    hearQuickTaps(view);
    view.canvas.addEventListener("pointermove", ({ offsetX, offsetY }) => {
      const dpr = view.uiData.dpr || 1, tile = view.tileIndex(offsetX * dpr, offsetY * dpr);
      pointed = view.screenSlices[tile]?.axCorSag ?? null;
      if (!(pointed in AXIS)) pointed = null;
    });
    view.canvas.addEventListener("pointerleave", () => { pointed = null; });
    view.canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      zoomBy(view, event.deltaY < 0 ? ZOOM : 1 / ZOOM);
    }, { capture: true, passive: false });
  };

  // NiiVue puts the cross hair under the first finger: where a second one follows, none of them pointed.
  const LATER_MS = 500;
  function keepCrossHair(view) {
    let held = null;
    const putBack = (mine) => {
      if (mine !== held || !mine?.several || mine.at.every((one, axis) => one === view.scene.crosshairPos[axis])) return;
      view.scene.crosshairPos = mine.at.slice();
      view.createOnLocationChange();
      view.drawScene();
    };
    window.addEventListener("touchstart", ({ touches, target }) => {
      if (touches.length > 1) held &&= Object.assign(held, { several: true });
      else held = target === view.canvas ? { at: view.scene.crosshairPos.slice(), several: false } : null;
    }, { capture: true, passive: true });
    for (const kind of ["touchstart", "touchmove", "touchend", "touchcancel"]) {
      window.addEventListener(kind, () => { putBack(held); setTimeout(putBack, LATER_MS, held); }, { passive: true });
    }
  }

  // NiiVue looks a moment after a touch whether the finger is alone: one that is gone by then has pointed all the same.
  function hearQuickTaps(view) {
    let tap = null;
    const looks = view.checkMultitouch;
    view.checkMultitouch = function (event) {
      if (this.uiData.touchdown) tap = null;
      return looks.call(this, event);
    };
    view.canvas.addEventListener("touchstart", ({ touches }) => {
      const { left, top } = view.canvas.getBoundingClientRect(), [{ clientX, clientY }] = touches;
      tap = touches.length === 1 ? [clientX - left, clientY - top] : null;
    }, { capture: true, passive: true });
    view.canvas.addEventListener("touchend", () => {
      if (!tap) return;
      view.mouseDown(...tap);
      view.mouseClick(...tap);
      tap = null;
    }, { capture: true, passive: true });
  }

  // Two fingers: farther apart enlarges, moved together pans.
  let apart = 0, middle = null;
  function pinch(view, event) {
    if (event.targetTouches.length !== 2) return;
    const [one, two] = event.targetTouches, distance = Math.hypot(one.pageX - two.pageX, one.pageY - two.pageY);
    const at = [(one.clientX + two.clientX) / 2, (one.clientY + two.clientY) / 2];
    const fresh = !middle || performance.now() - middle.when > 300;
    if (!fresh && apart) {
      zoomBy(view, distance / apart);
      pan(view, at[0] - middle.at[0], at[1] - middle.at[1]);
    }
    [apart, middle] = [distance, { at, when: performance.now() }];
  }

  function pan(view, right, down) {
    const { scene, uiData } = view, zoom = scene.pan2Dxyzmm[3], dpr = uiData.dpr || 1;
    if (zoom <= 1 || !middle) return;
    const box = view.canvas.getBoundingClientRect();
    const from = [(middle.at[0] - box.left) * dpr, (middle.at[1] - box.top) * dpr];
    uiData.pan2DxyzmmAtMouseDown = [...scene.pan2Dxyzmm];
    view.dragForPanZoom([...from, from[0] + right * dpr, from[1] + down * dpr]);
    view.drawScene();
  }
})();

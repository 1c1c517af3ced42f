// Draws the page from what the server tells of one region, once a second. Text from the server is set as text, never as HTML.
(function () {
  'use strict';
  const page = document.getElementById('vellum');
  // without the credentials that the page's own address may carry: browsers refuse to fetch such addresses
  const root = location.origin + page.dataset.root;
  const element = id => document.getElementById('vellum-' + id);
  const heat = element('heat');
  const axes = ['vmm', 'pagetable', 'strategy', 'store'];
  let chosen = decodeURIComponent(location.hash.slice(1));
  let events = null;

  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  function bytes(number) {
    let unit = 0;
    while (number >= 1024 && unit < units.length - 1) {
      number /= 1024;
      unit++;
    }
    return (unit ? number.toFixed(1) : number) + ' ' + units[unit];
  }

  function duration(microseconds) {
    return microseconds < 1000 ? microseconds + ' µs'
      : microseconds < 1e6 ? (microseconds / 1000).toFixed(1) + ' ms' : (microseconds / 1e6).toFixed(1) + ' s';
  }

  // The largest cells, in whole pixels, of which so many fit; as many cells as pages when there are fewer.
  function cellSize(cells) {
    let size = 40;
    while (size > 3 && Math.floor(heat.width / size) * Math.floor(heat.height / size) < cells) {
      size--;
    }
    return size;
  }

  function mostCells() {
    return Math.floor(heat.width / 3) * Math.floor(heat.height / 3);
  }

  const key = [[0, 'this epoch'], [1, 'the one before'], [15, '15 ago'], [255, '255 ago'], [4095, 'older'],
    [-1, 'not since the region was opened']];

  // White: the latest epoch; over yellow and red to blue: 2, 4, 8 … epochs ago; dark: not since the region was opened.
  function colour(age) {
    if (age < 0) {
      return '#232a38';
    }
    const step = Math.min(1, Math.log2(1 + age) / 12);
    return 'hsl(' + (55 - 175 * step) + ' 90% ' + (88 - 50 * Math.sqrt(step)) + '%)';
  }

  function drawHeat(now) {
    const context = heat.getContext('2d');
    const size = cellSize(now.ages.length);
    const columns = Math.floor(heat.width / size);
    context.clearRect(0, 0, heat.width, heat.height);
    now.ages.forEach((age, cell) => {
      context.fillStyle = colour(age);
      context.fillRect(cell % columns * size, Math.floor(cell / columns) * size, size - (size > 4), size - (size > 4));
    });
    const latest = now.ages.filter(age => age === 0).length;
    const never = now.ages.filter(age => age < 0).length;
    element('legend').textContent = now.ages.length + ' cells of ' + now.pagesPerCell
      + (now.pagesPerCell === 1 ? ' page' : ' pages') + ': ' + latest + ' written in epoch ' + now.region.epoch + ', '
      + (now.ages.length - latest - never) + ' before, ' + never + ' not since the region was opened';
  }

  function drawBars(canvas, values, label) {
    const context = canvas.getContext('2d');
    const most = Math.max(1, ...values.map(value => value.height));
    const width = canvas.width / Math.max(1, values.length);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.font = '11px sans-serif';
    let labelled = 0; // where the last label ended: what would cover it is left out
    values.forEach((value, i) => {
      const height = (canvas.height - 34) * value.height / most;
      context.fillStyle = '#e8b04a';
      context.fillRect(i * width, canvas.height - 16 - height, Math.max(1, width - 1), height);
      if (value.label && i * width >= labelled && i * width + context.measureText(value.label).width <= canvas.width) {
        labelled = i * width + context.measureText(value.label).width + 6;
        context.fillStyle = '#c8d0e0';
        context.fillText(value.label, i * width, canvas.height - 4);
      }
    });
    context.fillStyle = '#c8d0e0';
    context.fillText(label, 4, 12);
    canvas.setAttribute('aria-label', label);
  }

  function drawLatencies(now) {
    let first = now.latencies.findIndex(count => count > 0);
    let last = now.latencies.length - 1;
    while (last > first && now.latencies[last] === 0) {
      last--;
    }
    const shown = first < 0 ? [] : now.latencies.slice(first, last + 1);
    drawBars(element('latency'), shown.map((count, i) => ({height: count, label: duration(2 ** (first + i))})),
      now.region.commits + ' commits, by how long they took');
  }

  function drawTimeline(now) {
    const longest = Math.max(0, ...now.commits.map(commit => commit[2]));
    drawBars(element('timeline'), now.commits.map(commit => ({height: commit[2]})),
      now.commits.length + ' commits, the longest ' + duration(longest));
  }

  function drawMove(region) {
    element('move').hidden = !region.moveStore;
    if (region.moveStore) {
      element('move').querySelector('label').textContent = 'The image goes to store ' + region.moveStore + ': '
        + bytes(region.moveCopiedBytes) + ' of ' + bytes(region.moveTotalBytes);
      element('moved').max = region.moveTotalBytes;
      element('moved').value = region.moveCopiedBytes;
    }
  }

  function draw(now) {
    drawMove(now.region);
    element('remarks').textContent = now.region.remarks.join('. ');
    element('providers').textContent = [now.region.vmm, now.region.pageTable, now.region.strategy, now.region.store].join(' / ')
      + ', log ' + bytes(now.region.logSize) + ' ';
    drawHeat(now);
    drawLatencies(now);
    drawTimeline(now);
  }

  function choose(name) {
    chosen = name;
    location.hash = encodeURIComponent(name);
    element('name').textContent = name;
    element('region').hidden = false;
    if (events) {
      events.close();
    }
    events = new EventSource(root + '/events?region=' + encodeURIComponent(name) + '&cells=' + mostCells());
    events.onmessage = event => draw(JSON.parse(event.data));
    refresh();
  }

  function leave() {
    events.close();
    events = null;
    element('region').hidden = true;
  }

  // What went wrong is said, and not said any more once something goes well.
  function ask(path, options) {
    return fetch(root + path, options)
      .then(answer => {
        if (answer.redirected || !(answer.headers.get('Content-Type') || '').includes('json')) {
          throw new Error('the console answers with status ' + answer.status + '; load the page again to log in');
        }
        return answer.json();
      })
      .then(answer => {
        element('trouble').textContent = '';
        return answer;
      }, failure => {
        element('trouble').textContent = 'What is shown is not up to date: ' + failure.message;
        throw failure;
      });
  }

  function row(region) {
    const line = document.createElement('tr');
    [region.name, region.state, bytes(region.size), region.epoch, region.commits, bytes(region.loggedBytes), bytes(region.logSize),
      [region.vmm, region.pageTable, region.strategy, region.store].join(' / ')].forEach((text, i) => {
      const cell = document.createElement('td');
      if (i === 0) { // for the keyboard
        const open = document.createElement('button');
        open.type = 'button';
        open.className = 'vellum-open';
        open.textContent = text;
        open.setAttribute('aria-pressed', text === chosen);
        cell.append(open);
      } else {
        cell.textContent = text;
      }
      cell.className = i >= 2 && i <= 6 ? 'number' : '';
      line.appendChild(cell);
    });
    line.className = region.name === chosen ? 'vellum-chosen' : '';
    line.onclick = () => choose(region.name);
    return line;
  }

  function refresh() {
    ask('/regions.json').then(regions => {
      const focused = document.activeElement.className === 'vellum-open' ? document.activeElement.textContent : null;
      element('regions').replaceChildren(...regions.map(row));
      if (focused !== null) {
        [...element('regions').querySelectorAll('.vellum-open')].filter(open => open.textContent === focused)
          .forEach(open => open.focus());
      }
      element('empty').hidden = regions.length > 0;
      if (events && !regions.some(region => region.name === chosen)) {
        leave();
      }
      if (!events && regions.length > 0) {
        choose(regions.some(region => region.name === chosen) ? chosen : regions[0].name);
      }
    }).catch(() => {}); // said already
  }

  function wantedRow(region) {
    const line = document.createElement('tr');
    [region.name, region.obstacle.toLowerCase().replace('_', ' '), new Date(region.since).toLocaleString(), region.reason]
      .forEach(text => {
        const cell = document.createElement('td');
        cell.textContent = text;
        line.appendChild(cell);
      });
    return line;
  }

  function refreshWanted() {
    ask('/wanted.json').then(wanted => {
      element('wanted').replaceChildren(...wanted.map(wantedRow));
      element('missing').hidden = wanted.length === 0;
    }).catch(() => {}); // said already
  }

  function change(what, parameters) {
    ask('/' + what + '?' + new URLSearchParams({region: chosen, ...parameters}),
      {method: 'POST', headers: {'X-Vellum-Token': page.dataset.token}})
      .then(answer => {
        element('answer').textContent = answer.message;
        refresh();
      }).catch(() => {}); // said already
  }

  axes.forEach(axis => {
    const select = document.createElement('select');
    select.setAttribute('aria-label', 'Swap ' + axis);
    select.append(new Option('swap ' + axis + ' …', ''));
    ['auto', ...page.dataset[axis].split(' ').filter(name => name)].forEach(name => select.append(new Option(name, name)));
    select.onchange = () => {
      if (select.value) {
        change('swap', {[axis]: select.value});
        select.value = '';
      }
    };
    element('swap').append(select);
  });
  key.forEach(([age, text]) => {
    const swatch = document.createElement('span');
    swatch.className = 'vellum-swatch';
    swatch.style.background = colour(age);
    element('key').append(swatch, text);
  });
  element('commit').onclick = () => change('commit', {});
  refresh();
  refreshWanted();
  setInterval(refresh, 2000);
  setInterval(refreshWanted, 2000);
})();

import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { defineConfig } from '@playwright/test';

// One visit per run of this suite: set once in the main process and inherited by its workers, so that a retry is still
// the same customer, and the next run is a new one.
process.env.SHOP_VISIT ??= randomUUID();

// A browser of the machine, if there is one; otherwise Playwright's own download.
const executablePath =
  process.env.PLAYWRIGHT_CHROMIUM_EXECUTABLE ||
  ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) => existsSync(file));

export default defineConfig({
  testDir: 'tests',
  fullyParallel: true,
  workers: 1, // a pod has about one core; more speed comes from more shards
  retries: 1,
  timeout: 30_000,
  expect: { timeout: 5_000 },
  use: {
    baseURL: process.env.BASE_URL,
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    // Playwright records with an ffmpeg of its own that `playwright install ffmpeg` fetches, and with no other.
    video: process.env.PLAYWRIGHT_VIDEO === 'on' ? 'retain-on-failure' : 'off',
    launchOptions: {
      executablePath,
      // Chromium's sandbox needs user namespaces, which root in a container does not get.
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    },
  },
  projects: [{ name: 'chromium' }],
});

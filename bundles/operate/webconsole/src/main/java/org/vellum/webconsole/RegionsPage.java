// SPDX-License-Identifier: Apache-2.0
package org.vellum.webconsole;

import jakarta.servlet.Servlet;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.apache.felix.webconsole.servlet.AbstractServlet;
import org.apache.felix.webconsole.servlet.ServletConstants;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.component.annotations.ReferencePolicyOption;
import org.vellum.api.Region;
import org.vellum.api.RegionException;
import org.vellum.api.RegionManager;
import org.vellum.api.RegionOptions;
import org.vellum.api.WantedRegion;
import org.vellum.api.provider.PageTable;
import org.vellum.api.provider.Store;
import org.vellum.api.provider.Strategy;
import org.vellum.api.provider.Vmm;
import org.vellum.json.DtoJson;

/**
 * The web console's page of regions. The console has authenticated whoever asks before this is called.
 *
 * <pre>
 * GET  vellum                                  the page
 * GET  vellum/res/…                            its script and style
 * GET  vellum/regions.json                     the open regions
 * GET  vellum/wanted.json                      the regions that are configured and not open
 * GET  vellum/events?region=R&amp;cells=N          server-sent events: R now, every second
 * POST vellum/commit?region=R                  makes all stores so far durable
 * POST vellum/swap?region=R&amp;AXIS=SELECTOR…     swaps providers
 * </pre>
 *
 * A POST is refused unless it carries, in the header {@value #TOKEN_HEADER}, the token that the page was rendered with:
 * a page of another site, opened in a browser that is logged in here, can neither read it nor send that header.
 */
@Component(
        service = Servlet.class,
        property = {
            ServletConstants.PLUGIN_LABEL + "=" + RegionsPage.LABEL,
            ServletConstants.PLUGIN_TITLE + "=Persistent regions",
            ServletConstants.PLUGIN_CATEGORY + "=Vellum"
        })
public final class RegionsPage extends AbstractServlet {
    static final String LABEL = "vellum";
    static final String TOKEN_HEADER = "X-Vellum-Token";

    private static final long serialVersionUID = 1;

    private static final String ROOT = "/" + LABEL;
    private static final int MOST_CELLS = 100_000;
    /** A stream holds a thread of the server. */
    private static final int MOST_STREAMS = 8;

    private static final int EVENTS_A_STREAM = 60;
    private static final long EVENT_INTERVAL_MILLISECONDS = 1000;

    private final transient RegionManager regions;
    private final String token = newToken();
    private final transient Semaphore streams = new Semaphore(MOST_STREAMS);
    private final transient CountDownLatch stopped = new CountDownLatch(1);

    @Reference(
            cardinality = ReferenceCardinality.MULTIPLE,
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY)
    private transient volatile List<Vmm> vmms = List.of();

    @Reference(
            cardinality = ReferenceCardinality.MULTIPLE,
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY)
    private transient volatile List<PageTable> pageTables = List.of();

    @Reference(
            cardinality = ReferenceCardinality.MULTIPLE,
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY)
    private transient volatile List<Strategy> strategies = List.of();

    @Reference(
            cardinality = ReferenceCardinality.MULTIPLE,
            policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY)
    private transient volatile List<Store> stores = List.of();

    @Activate
    public RegionsPage(@Reference RegionManager regions) {
        this.regions = regions;
    }

    /** Ends the streams. */
    @Deactivate
    public void stop() {
        stopped.countDown();
    }

    /** What a POST has to carry. */
    String token() {
        return token;
    }

    private static String newToken() {
        byte[] random = new byte[16];
        new SecureRandom().nextBytes(random);
        return HexFormat.of().formatHex(random);
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
            throws ServletException, IOException {
        String path = request.getPathInfo();
        if (path.equals(ROOT + "/regions.json")) {
            answer(
                    response,
                    DtoJson.text(regions.regions().stream()
                            .map(region -> region.status().toDTO())
                            .toList()));
        } else if (path.equals(ROOT + "/wanted.json")) {
            answer(
                    response,
                    DtoJson.text(
                            regions.wanted().stream().map(WantedRegion::toDTO).toList()));
        } else if (path.equals(ROOT + "/events")) {
            stream(request, response);
        } else if (path.equals(ROOT) || path.startsWith(ROOT + "/res/")) {
            super.doGet(request, response);
        } else {
            response.sendError(HttpServletResponse.SC_NOT_FOUND);
        }
    }

    @Override
    public void renderContent(HttpServletRequest request, HttpServletResponse response) throws IOException {
        String root = (String) request.getAttribute(ServletConstants.ATTR_PLUGIN_ROOT);
        response.getWriter()
                .print(readTemplateFile("/res/vellum.html")
                        .replace("@ROOT@", root)
                        .replace("@TOKEN@", token)
                        .replace(
                                "@VMMS@",
                                String.join(
                                        " ",
                                        vmms.stream().map(Vmm::name).sorted().toList()))
                        .replace(
                                "@PAGETABLES@",
                                String.join(
                                        " ",
                                        pageTables.stream()
                                                .map(PageTable::name)
                                                .sorted()
                                                .toList()))
                        .replace(
                                "@STRATEGIES@",
                                String.join(
                                        " ",
                                        strategies.stream()
                                                .map(Strategy::name)
                                                .sorted()
                                                .toList()))
                        .replace(
                                "@STORES@",
                                String.join(
                                        " ",
                                        stores.stream()
                                                .map(Store::name)
                                                .sorted()
                                                .toList())));
    }

    private void stream(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Optional<Region> region = region(request, response);
        if (region.isEmpty()) {
            return;
        }
        int cells;
        try {
            cells = Integer.parseInt(
                    Optional.ofNullable(request.getParameter("cells")).orElse("1000"));
        } catch (NumberFormatException e) {
            cells = 0;
        }
        if (cells < 1 || cells > MOST_CELLS) {
            response.sendError(HttpServletResponse.SC_BAD_REQUEST, "cells: a number from 1 to " + MOST_CELLS);
            return;
        }
        if (!streams.tryAcquire()) {
            response.sendError(
                    HttpServletResponse.SC_SERVICE_UNAVAILABLE,
                    MOST_STREAMS + " pages are being fed already; close one of them");
            return;
        }
        try {
            start(response, "text/event-stream");
            PrintWriter writer = response.getWriter();
            // the browser asks again when the stream ends
            for (int i = 0; i < EVENTS_A_STREAM && !writer.checkError(); i++) {
                writer.print("data: " + DtoJson.text(PageData.now(region.get(), cells)) + "\n\n");
                writer.flush();
                response.flushBuffer();
                if (stopped.await(EVENT_INTERVAL_MILLISECONDS, TimeUnit.MILLISECONDS)) {
                    return;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // the server stops
        } finally {
            streams.release();
        }
    }

    @Override
    protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
        String given = Optional.ofNullable(request.getHeader(TOKEN_HEADER)).orElse("");
        if (!MessageDigest.isEqual(token.getBytes(StandardCharsets.UTF_8), given.getBytes(StandardCharsets.UTF_8))) {
            response.sendError(
                    HttpServletResponse.SC_FORBIDDEN, "the header " + TOKEN_HEADER + " is to carry the page's token");
            return;
        }
        Optional<Region> region = region(request, response);
        if (region.isEmpty()) {
            return;
        }
        String path = request.getPathInfo();
        try {
            if (path.equals(ROOT + "/commit")) {
                answer(response, message("epoch " + region.get().commit() + " is durable"));
            } else if (path.equals(ROOT + "/swap")) {
                answer(
                        response,
                        message("swapped to "
                                + region.get().swap(selectors(request)).to()));
            } else {
                response.sendError(HttpServletResponse.SC_NOT_FOUND);
            }
        } catch (RegionException e) {
            response.setStatus(HttpServletResponse.SC_CONFLICT);
            write(response, message(e.getMessage()));
        }
    }

    private static Map<String, String> selectors(HttpServletRequest request) {
        Map<String, String> selectors = new HashMap<>();
        for (String axis : RegionOptions.AXES) {
            String selector = request.getParameter(axis);
            if (selector != null) {
                selectors.put(axis, selector);
            }
        }
        return selectors;
    }

    /** Empty when there is no such region, which the answer says then. */
    private Optional<Region> region(HttpServletRequest request, HttpServletResponse response) throws IOException {
        String name = Optional.ofNullable(request.getParameter("region")).orElse("");
        Optional<Region> region = regions.region(name);
        if (region.isEmpty()) {
            response.sendError(HttpServletResponse.SC_NOT_FOUND, "no region of this name is open");
        }
        return region;
    }

    private static String message(String sentence) {
        PageMessage message = new PageMessage();
        message.message = sentence;
        return DtoJson.text(message);
    }

    private static void answer(HttpServletResponse response, String json) throws IOException {
        start(response, "application/json");
        write(response, json);
    }

    private static void write(HttpServletResponse response, String json) throws IOException {
        response.setContentType("application/json");
        response.setCharacterEncoding("utf-8");
        response.getWriter().print(json);
    }

    /** A status that was set tells the console not to draw its frame. */
    private static void start(HttpServletResponse response, String type) {
        response.setStatus(HttpServletResponse.SC_OK);
        response.setContentType(type);
        response.setCharacterEncoding("utf-8");
        setNoCache(response);
    }
}

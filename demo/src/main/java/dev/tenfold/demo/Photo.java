package dev.tenfold.demo;

import java.awt.Color;
import java.awt.GradientPaint;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;

/** Pictures as phones send them, and their thumbnails. */
final class Photo {
    static final int WIDTH = 1_000;
    static final int HEIGHT = 700;
    static final int THUMBNAIL_WIDTH = 200;

    /** One picture in so many begins with an empty line, as one kind of phone sends them. */
    static final int ODD_EVERY = 23;

    private static final byte[] EMPTY_LINE = {'\r', '\n'};
    private static final int DIFFERENT = 8;

    static {
        System.setProperty("java.awt.headless", "true"); // or some systems would look for a screen
        ImageIO.setUseCache(false); // or each picture would pass through a temporary file
    }

    private static final List<byte[]> SAMPLES =
            IntStream.range(0, DIFFERENT).mapToObj(Photo::draw).toList();

    private Photo() {}

    /** What is not a picture, or not yet one for the program. */
    static final class Unreadable extends IOException {
        private static final long serialVersionUID = 1;

        Unreadable(String message) {
            super(message);
        }
    }

    /** The n-th picture of the day; the same in every run. */
    static byte[] sample(int n) {
        byte[] jpeg = SAMPLES.get(n % DIFFERENT);
        return isOdd(n) ? join(EMPTY_LINE, jpeg) : jpeg;
    }

    static boolean isOdd(int n) {
        return n % ODD_EVERY == 3;
    }

    /** As first written. */
    static byte[] thumbnail(byte[] picture) throws IOException {
        BufferedImage read = ImageIO.read(new ByteArrayInputStream(picture));
        if (read == null) {
            throw new Unreadable("no JPEG begins with the bytes %02x %02x".formatted(picture[0], picture[1]));
        }
        return jpeg(scaled(read));
    }

    /** With the bug mended: what stands before the first byte of a JPEG is skipped. */
    static byte[] thumbnailOfAny(byte[] picture) throws IOException {
        int start = 0;
        while (start < picture.length && picture[start] != (byte) 0xFF) {
            start++;
        }
        byte[] jpeg = new byte[picture.length - start];
        System.arraycopy(picture, start, jpeg, 0, jpeg.length);
        return thumbnail(jpeg);
    }

    private static BufferedImage scaled(BufferedImage picture) {
        int height = picture.getHeight() * THUMBNAIL_WIDTH / picture.getWidth();
        BufferedImage small = new BufferedImage(THUMBNAIL_WIDTH, height, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = small.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BICUBIC);
        graphics.drawImage(picture, 0, 0, THUMBNAIL_WIDTH, height, null);
        graphics.dispose();
        return small;
    }

    private static byte[] draw(int seed) {
        BufferedImage picture = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
        Random random = new Random(seed);
        Graphics2D graphics = picture.createGraphics();
        graphics.setPaint(new GradientPaint(0, 0, colour(random), WIDTH, HEIGHT, colour(random)));
        graphics.fillRect(0, 0, WIDTH, HEIGHT);
        for (int i = 0; i < 200; i++) {
            graphics.setColor(colour(random));
            graphics.fillOval(random.nextInt(WIDTH), random.nextInt(HEIGHT), random.nextInt(120), random.nextInt(120));
        }
        graphics.dispose();
        try {
            return jpeg(picture);
        } catch (IOException e) {
            throw new IllegalStateException("this JDK writes no JPEG", e);
        }
    }

    private static Color colour(Random random) {
        return new Color(random.nextInt(0x1000000));
    }

    private static byte[] jpeg(BufferedImage picture) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        if (!ImageIO.write(picture, "jpeg", out)) {
            throw new IOException("this JDK writes no JPEG");
        }
        return out.toByteArray();
    }

    private static byte[] join(byte[] first, byte[] second) {
        byte[] both = new byte[first.length + second.length];
        System.arraycopy(first, 0, both, 0, first.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }
}
